"""Find the model to predict with, by alias, version, run or file."""

from pathlib import Path

from sightline import registry
from sightline.errors import InputError, ModelFileError
from sightline.experiments import run_folder
from sightline.models import file_checks
from sightline.prediction.inputs import absolute, check_text
from sightline.prediction.records import ServedModel
from sightline.records import ModelMetadata
from sightline.records.manifest import RunManifest
from sightline.storage import digests, sync
from sightline.storage.workspace import Workspace

LATEST = "latest"
"""Name of the last run, which `run_folder.resolve` knows."""

_MODEL = "model.keras"


def find(workspace: Workspace, name: str, dataset: str | None = None) -> ServedModel:
    """Find a model by alias, version, run id or a prefix of one, or path of a `.keras` file.

    "latest" is the last run, of `dataset` if given. The file is checked when it is loaded. Raises
    InputError if there is no such model, the name is ambiguous or the manifest beside a file is
    damaged, and ModelFileError if there is no such file.
    """
    for text in (name, str(workspace.root)):
        check_text(text)
    if name == LATEST and dataset is not None:
        name = _latest_of(workspace, dataset)
    if "/" in name or name.endswith(".keras"):
        return _from_file(Path(name))
    if registry.is_name(name):
        return _from_registry(workspace, name, dataset)
    run_ids = run_folder.run_ids(workspace)
    if name != LATEST and not any(run_folder.is_named(run_id, name) for run_id in run_ids):
        raise InputError(
            f"{name!r} is not an alias (champion, candidate), a version such as mnist-v3, a run in "
            f'{workspace}, "latest" or the path of a .keras file; see `sightline models list` and '
            "`sightline runs list`."
        )
    manifest = run_folder.read(workspace, name)
    return _from_manifest(run_folder.file(workspace, manifest, _MODEL), manifest)


def metadata_of(model: ServedModel) -> ModelMetadata:
    """Return the metadata of a model as its run recorded it, or else that in its file.

    Raises ModelFileError if the file is damaged or has none.
    """
    if model.metadata is not None:
        return model.metadata
    found = file_checks.read_archive(Path(model.path), model.sha256).metadata
    if found is None:
        raise ModelFileError(
            f"{model.path} does not say which classes it knows; use the model of a run."
        )
    return found


def read_run(workspace: Workspace, model: ServedModel) -> RunManifest | None:
    """Read the manifest of the run that trained a model; None if it is not in the workspace."""
    if model.run_id is None or model.run_id not in run_folder.run_ids(workspace):
        return None
    return run_folder.read(workspace, model.run_id)


def choose(workspace: Workspace, dataset: str | None = None) -> str:
    """Return "champion", or "latest" if no model of the data set, or of any, was promoted.

    Raises InputError if the log of a registry is damaged.
    """
    known = registry.datasets(workspace) if dataset is None else [dataset]
    return "champion" if any(registry.aliases(workspace, one).champion for one in known) else LATEST


def _latest_of(workspace: Workspace, dataset: str) -> str:
    for run in run_folder.history(workspace, dataset):
        return run.run_id
    raise InputError(
        f"There is no run of {dataset[:60]!r} in {workspace}; `sightline runs list` shows all."
    )


def _from_registry(workspace: Workspace, name: str, dataset: str | None) -> ServedModel:
    version = registry.resolve(workspace, name, dataset)
    path = sync.fetch(workspace, version.model.path, version.model.sha256)
    return ServedModel(
        name=version.name if name == version.name else f"{version.name} ({name})",
        path=str(path),
        sha256=version.model.sha256,
        metadata=ModelMetadata.of(version),
        profile=version.profile,
        run_id=version.run_id,
        accuracy=version.accuracy,
        accuracy_interval=version.accuracy_interval,
    )


def _from_file(path: Path) -> ServedModel:
    absolute(str(path))  # refuses impossible paths, such as a name of 300 characters
    if not path.is_file():
        reason = "it is not a regular file" if path.exists() else "there is no such file"
        raise ModelFileError(f"{path} is not a model: {reason}.")
    if (path.parent / run_folder.MANIFEST).is_file():
        manifest = run_folder.read_folder(path.parent)
        if path.name in manifest.files:
            return _from_manifest(path, manifest)
    try:
        digest = digests.sha256(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    return ServedModel(name=str(path), path=str(path.absolute()), sha256=digest)


def _from_manifest(path: Path, manifest: RunManifest) -> ServedModel:
    if path.name not in manifest.files:
        raise InputError(f"The run {manifest.run_id} has no {path.name}; choose another run.")
    ingested = manifest.records.ingest
    profiles = ingested.inspection.profiles if ingested.inspection else {}
    return ServedModel(
        name=manifest.run_id,
        path=str(path.absolute()),
        sha256=manifest.files[path.name].sha256,
        metadata=ModelMetadata.of(ingested),
        profile=profiles.get("train"),
        run_id=manifest.run_id,
        accuracy=manifest.records.evaluate.accuracy,
        accuracy_interval=manifest.records.evaluate.accuracy_interval,
    )
