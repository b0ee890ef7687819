"""Export the measured model in other forms, and prove that each is the same model.

Every form is loaded by its own runtime in a fresh process and answers golden images of the test
split; what it says is compared with the probabilities that `evaluate` measured. So the
certificate tells of the very files that are shipped.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sightline.config import ExportConfig, Format
from sightline.errors import ModelFileError, StageError
from sightline.export import certify, child_process, formats, golden
from sightline.export.child_process import ProgramError
from sightline.export.formats import shipped_name
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.progress import Progress, emit
from sightline.pipeline.provenance import cores
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import (
    Certificate,
    DatasetFiles,
    Evaluation,
    ExportCheck,
    FileRecord,
    Run,
    TrainedModel,
)
from sightline.storage import digests, json_digest

__all__ = ["export", "shipped_name"]

_CERTIFICATE = "certificate.json"
_SPARE_BYTES = 4 << 20
"""Room for graphs and the certificate; the weights come on top, once a form."""


def export(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ExportConfig,
) -> Certificate:
    """Export the measured model and certify what came out.

    Equal inputs give equal files, but for the times in the certificate.

    Args:
        run: Where to work.
        files: Gives the test images.
        trained: The measured model.
        evaluation: Gives what was measured, image by image.
        settings: Which forms, how many golden images, how much they may differ.

    Returns:
        One row a form. A form that differs is in it as well: `passed` tells.

    Raises:
        ConfigError: A library that a named form needs is not installed.
        ModelFileError: The model's file is not the one that was measured.
        StageError: A form cannot be written, or a process hung or was killed.
        StorageError: The disk has too little room.
    """
    forms = formats.chosen(settings)

    def make(draft: Draft) -> Certificate:
        model = run.workspace.root / trained.model.path
        run.workspace.check_room(_bytes_needed(files, trained, settings), "The exported models")
        _convert(draft, model, trained.model, [form for form in forms if form != "keras"])
        with tempfile.TemporaryDirectory(dir=draft.path(_CERTIFICATE).parent) as scratch:
            images = golden.gather(
                run, files, evaluation, settings.golden_images, Path(scratch, "golden.npy")
            )
            checks = []
            for done, form in enumerate(forms, start=1):
                checks.append(_check(draft, form, model, trained.model, images, settings.tolerance))
                emit(Progress(stage="export", done=done, total=len(forms), unit="forms"))
        facts = {
            "model_sha256": trained.model.sha256,
            "weights_sha256": trained.weights_sha256,
            "golden_images": len(images.probabilities),
            "golden_sha256": images.sha256,
            "tolerance": settings.tolerance,
        }
        content = {**facts, "exports": [check.model_dump(mode="json") for check in checks]}
        draft.path(_CERTIFICATE).write_bytes(json_digest.dumps(content))
        return Certificate(**facts, exports=tuple(checks), certificate=draft.record(_CERTIFICATE))

    return find_or_make(run, EXPORT, EXPORT.key(files, trained, evaluation, settings), make)


EXPORT = Stage(
    export,
    (
        *KERAS,
        "ai-edge-litert",
        "flatbuffers",
        "h5py",
        "onnx",
        "onnxruntime",
        "protobuf",
        "pyarrow",
        "tf2onnx",
    ),
)


def _bytes_needed(files: DatasetFiles, trained: TrainedModel, settings: ExportConfig) -> int:
    test = files.images["test"]
    golden_bytes = min(1.0, settings.golden_images / test.shape[0]) * test.bytes
    return int(golden_bytes) + len(formats.NAMES) * (trained.model.bytes + _SPARE_BYTES)


def _convert(draft: Draft, model: Path, record: FileRecord, forms: list[Format]) -> None:
    """Write the forms, as many at a time as there are cores."""
    folder = draft.path(f"{formats.FOLDER}/{_CERTIFICATE}").parent

    def convert(form: Format) -> None:
        what = (str(model), record.sha256, str(folder), form)
        try:
            child_process.run("convert", *what, KERAS_BACKEND="tensorflow")
        except ProgramError as error:
            raise StageError(
                f"The model {record.path} cannot be exported as {form}: {error}; name the forms "
                "that you need in export.formats."
            ) from None

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(convert, forms))


def _check(
    draft: Draft,
    form: Format,
    model: Path,
    record: FileRecord,
    images: golden.Golden,
    tolerance: float,
) -> ExportCheck:
    if form == "keras":
        if digests.sha256(model) != record.sha256:
            raise ModelFileError(
                f"{model} is not the file that was measured; run again with --refresh."
            )
        return certify.check(form, model, (record,), images, tolerance)
    path = draft.path(f"{formats.FOLDER}/{formats.NAMES[form]}")
    records = tuple(draft.record(name) for name in _names(draft, path))
    return certify.check(form, path, records, images, tolerance)


def _names(draft: Draft, path: Path) -> list[str]:
    """List the files of a form by their names in the draft."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    root = draft.path(_CERTIFICATE).parent
    return [file.relative_to(root).as_posix() for file in found if file.is_file()]
