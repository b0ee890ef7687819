"""The model that answers: by alias, version, run or file, never simply the newest."""

from pathlib import Path

from sightline import registry
from sightline.errors import InputError, ModelFileError
from sightline.prediction.inputs import absolute, check_text
from sightline.prediction.records import Served
from sightline.records.manifest import RunManifest
from sightline.runs import run_folder
from sightline.storage import digests
from sightline.storage.workspace import Workspace

_MODEL = "model.keras"


def find(workspace: Workspace, model: str, dataset: str | None = None) -> Served:
    """Find a model.

    Args:
        model: An alias, a version such as "mnist-v3", the id of a run or its first characters, or
            the path of a `.keras` file.
        dataset: Whose alias is meant, where several data sets have one.

    Returns:
        The model; its file is checked when it is loaded.

    Raises:
        InputError: There is none of that name, the name is not explicit, or the manifest beside
            a file is damaged.
        ModelFileError: There is no such file.
    """
    for text in (model, str(workspace.root)):
        check_text(text)
    if model == "latest":
        raise InputError(
            '"latest" is no model to predict with: what was trained last need not be what is in '
            "use. Give an alias (champion, candidate), a version, the id of a run or a file."
        )
    if "/" in model or model.endswith(".keras"):
        return _of_file(Path(model))
    if registry.is_name(model):
        return _of_store(workspace, model, dataset)
    if not model or not any(run_id.startswith(model) for run_id in run_folder.run_ids(workspace)):
        raise InputError(
            f"{model!r} is no alias (champion, candidate), no version such as mnist-v3, no run in "
            f"{workspace} and no path of a .keras file; see `sightline models list` and "
            "`sightline runs list`."
        )
    manifest = run_folder.read(workspace, model)
    return _of_manifest(run_folder.folder(workspace, manifest.run_id) / _MODEL, manifest)


def _of_store(workspace: Workspace, name: str, dataset: str | None) -> Served:
    version = registry.resolve(workspace, name, dataset)
    return Served(
        name=version.name if name == version.name else f"{version.name} ({name})",
        path=str(workspace.root / version.model.path),
        sha256=version.model.sha256,
        class_names=version.class_names,
        image_shape=version.image_shape,
        profile=version.profile,
    )


def _of_file(path: Path) -> Served:
    absolute(str(path))  # refuses what is no possible path, such as a name of 300 characters
    if not path.is_file():
        why = "it is no regular file" if path.exists() else "there is no such file"
        raise ModelFileError(f"{path} is no model: {why}.")
    if (path.parent / run_folder.MANIFEST).is_file():
        manifest = run_folder.read_folder(path.parent)
        if path.name in manifest.files:
            return _of_manifest(path, manifest)
    try:
        digest = digests.sha256(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    note = (
        f"The names of the classes are unknown, since {path.name} does not lie beside the "
        f"{run_folder.MANIFEST} of its run: they are called class_0, class_1 and so on, and "
        "nothing is known of the training images."
    )
    return Served(name=str(path), path=str(path.absolute()), sha256=digest, notes=(note,))


def _of_manifest(path: Path, manifest: RunManifest) -> Served:
    if path.name not in manifest.files:
        raise InputError(f"The run {manifest.run_id} has no {path.name}; choose another run.")
    ingested = manifest.records.ingest
    inspected = ingested.inspection
    return Served(
        name=manifest.run_id,
        path=str(path.absolute()),
        sha256=manifest.files[path.name].sha256,
        class_names=ingested.class_names,
        image_shape=ingested.image_shape,
        profile=inspected.profiles.get("train") if inspected else None,
    )
