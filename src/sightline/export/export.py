"""Export the measured model to other formats and certify that each gives the same predictions.

Each format is loaded by its own runtime in a fresh process and predicts golden images of the test
split; the probabilities are compared with those that the evaluation measured. The certificate is
therefore about the very files that are registered.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sightline.config import ExportConfig, Format
from sightline.errors import ModelFileError, StageError
from sightline.export import certify, child_process, formats
from sightline.export.child_process import ProgramError
from sightline.export.formats import FORMATS
from sightline.export.golden import Golden, gather
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
    ModelMetadata,
    Run,
    TrainedModel,
)
from sightline.storage import digests, json_digest

_CERTIFICATE = "certificate.json"
_SPARE_BYTES = 4 << 20  # Room for graphs and the certificate, besides the weights of each format


def export(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ExportConfig,
) -> Certificate:
    """Export the measured model and certify the exports.

    Equal inputs give equal files, except for the times in the certificate, which has one row for
    each format, including those that differ: see `passed`. Raises ConfigError if a library of a
    configured format is not installed, ModelFileError if the model's file differs from the measured
    one, StorageError if the disk is full, and StageError if a format cannot be written or a process
    hung or was killed.
    """
    names = formats.chosen(settings)

    def make(draft: Draft) -> Certificate:
        model = run.workspace.root / trained.model.path
        run.workspace.check_room(_bytes_needed(files, trained, settings), "The exported models")
        _convert(draft, model, trained.model, names, ModelMetadata.of(files))
        with tempfile.TemporaryDirectory(dir=draft.path(_CERTIFICATE).parent) as scratch:
            path = Path(scratch, "golden.npy")
            golden = gather(run, files, evaluation, settings.golden_images, path)
            checks = []
            for done, name in enumerate(names, start=1):
                checks.append(_check(draft, name, model, trained.model, golden, settings.tolerance))
                emit(Progress(stage="export", done=done, total=len(names), unit="formats"))
        facts = {
            "model_sha256": trained.model.sha256,
            "weights_sha256": trained.weights_sha256,
            "golden_images": len(golden.probabilities),
            "golden_sha256": golden.sha256,
            "tolerance": settings.tolerance,
        }
        content = {**facts, "exports": [check.model_dump(mode="json") for check in checks]}
        draft.path(_CERTIFICATE).write_bytes(json_digest.dumps(content))
        return Certificate(**facts, exports=tuple(checks), certificate=draft.record(_CERTIFICATE))

    return find_or_make(run, EXPORT, EXPORT.key(files, trained, evaluation, settings), make)


_CONVERTERS: dict[Format, tuple[str, ...]] = {
    "litert": ("ai-edge-litert", "flatbuffers"),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
}
"""Libraries that an export depends on only if it has the format."""


def _exports(
    name: Format,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ExportConfig,
) -> bool:
    return name in formats.chosen(settings)


EXPORT = Stage(
    export,
    (*KERAS, "tensorflow", "h5py", "protobuf", "pyarrow"),  # TensorFlow converts for all backends
    optional={
        library: partial(_exports, name)
        for name, libraries in _CONVERTERS.items()
        for library in libraries
    },
)


def _bytes_needed(files: DatasetFiles, trained: TrainedModel, settings: ExportConfig) -> int:
    test = files.images["test"]
    golden_bytes = min(1.0, settings.golden_images / test.shape[0]) * test.bytes
    return int(golden_bytes) + len(FORMATS) * (trained.model.bytes + _SPARE_BYTES)


def _convert(
    draft: Draft,
    model: Path,
    record: FileRecord,
    names: tuple[Format, ...],
    metadata: ModelMetadata,
) -> None:
    """Write the formats with metadata, one process for each core at a time."""
    text = metadata.model_dump_json()
    folder = draft.path(f"{formats.FOLDER}/{_CERTIFICATE}").parent

    def convert(name: Format) -> None:
        target = FORMATS[name]
        if target.write_metadata is None:
            return
        arguments = (str(model), record.sha256, str(folder), name)
        try:
            child_process.run("convert", *arguments, KERAS_BACKEND="tensorflow")
        except ProgramError as error:
            raise StageError(
                f"The model {record.path} cannot be exported as {name}: {error}; list the formats "
                "that you need in export.formats."
            ) from None
        target.write_metadata(folder / target.file, text)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(convert, names))


def _check(
    draft: Draft, name: Format, model: Path, record: FileRecord, golden: Golden, tolerance: float
) -> ExportCheck:
    if FORMATS[name].convert is None:
        if digests.sha256(model) != record.sha256:
            raise ModelFileError(
                f"{model} differs from the measured file; run again with --refresh."
            )
        return certify.check(name, model, (record,), golden, tolerance)
    path = draft.path(f"{formats.FOLDER}/{FORMATS[name].file}")
    root = draft.path(_CERTIFICATE).parent
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    records = tuple(
        draft.record(file.relative_to(root).as_posix()) for file in files if file.is_file()
    )
    return certify.check(name, path, records, golden, tolerance)
