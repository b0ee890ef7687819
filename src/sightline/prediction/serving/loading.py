"""Load the model to serve, by alias, version, run or file."""

import tempfile
from pathlib import Path

import numpy as np

from sightline import registry
from sightline.config import ExportConfig
from sightline.errors import ModelFileError
from sightline.export import certify, child_process
from sightline.export.child_process import ProgramError
from sightline.export.formats import FOLDER, FORMATS
from sightline.export.golden import Golden
from sightline.export.replay import PROBABILITIES
from sightline.models import file_checks
from sightline.prediction import model
from sightline.prediction.records import ServedModel
from sightline.prediction.serving import engine
from sightline.prediction.serving.engine import Engine
from sightline.records import FileRecord, ModelMetadata
from sightline.registry import Version
from sightline.storage import digests, sync
from sightline.storage.workspace import Workspace

_SHORT = 12  # Digits of a digest in an address
_GOLDEN = 32  # Images on which a conversion is compared with the model


def load(workspace: Workspace, reference: str, dataset: str | None = None) -> Engine:
    """Load what a reference names; `prediction.model.find` says which there are.

    A version's certified ONNX export is loaded if there is one. Any other model is converted, and
    the conversion certified, which takes some seconds. Raises InputError if there is no such model
    or it is damaged, and StageError if the conversion was killed.
    """
    version = (
        registry.resolve(workspace, reference, dataset) if registry.is_name(reference) else None
    )
    if version is not None and (exported := _certified(version)) is not None:
        path = sync.fetch(workspace, exported.path, exported.sha256)
        session = engine.read(path, exported.sha256)
        metadata = engine.fit(session, path, ModelMetadata.of(version))
        sha256 = version.model.sha256
        return Engine(version.name, version.dataset, str(version.number), sha256, metadata, session)
    served = model.find(workspace, version.name if version else reference, dataset)
    with tempfile.TemporaryDirectory() as folder:
        session, metadata = _convert(served, Path(folder))
    if version is not None:
        place = (version.name, version.dataset, str(version.number))
    else:
        place = (served.name, "model", served.sha256[:_SHORT])
    return Engine(*place, served.sha256, metadata, session)


def _certified(version: Version) -> FileRecord | None:
    """Return the ONNX file of a version if its certificate says that it agrees with the model."""
    checks = version.certificate.exports if version.certificate else ()
    passed = any(check.format == "onnx" and check.passed for check in checks)
    return version.files.get(f"{FOLDER}/{FORMATS['onnx'].file}") if passed else None


def _convert(served: ServedModel, folder: Path) -> tuple[object, ModelMetadata]:
    """Convert a `.keras` file as the stage export does, and compare both on made-up images."""
    source, target = Path(served.path), folder / FORMATS["onnx"].file
    stored = file_checks.read_archive(source, served.sha256).metadata
    try:
        arguments = (str(source), served.sha256, str(folder), "onnx")
        child_process.run("convert", *arguments, KERAS_BACKEND="tensorflow")
        session = engine.read(target, digests.sha256(target))
        metadata = engine.fit(session, source, served.metadata, stored)
        if write := FORMATS["onnx"].write_metadata:
            write(target, metadata.model_dump_json())
        golden = _made_up(source, metadata, folder)
    except ProgramError as error:
        raise ModelFileError(
            f"{source} cannot be converted to ONNX: {error}; use another model."
        ) from None
    record = FileRecord(
        path=target.name, sha256=digests.sha256(target), bytes=target.stat().st_size
    )
    tolerance = ExportConfig().tolerance
    check = certify.check("onnx", target, (record,), golden, tolerance)
    if not check.passed:
        raise ModelFileError(
            f"{source} and its conversion to ONNX differ by {check.difference:.2g}, expected at "
            f"most {tolerance:g}{f' ({check.problem})' if check.problem else ''}; export it with "
            "`sightline train --gate report`, or use another model."
        )
    return session, metadata


def _made_up(source: Path, metadata: ModelMetadata, folder: Path) -> Golden:
    """Predict images of noise, coarse and fine, with the model itself."""
    height, width, channels = metadata.image_shape
    noise = np.random.default_rng(0).integers(
        0, 256, (_GOLDEN, height, width, channels), dtype=np.uint8
    )
    coarse = noise[::2, ::4, ::4].repeat(4, axis=1).repeat(4, axis=2)
    noise[::2] = coarse[:, :height, :width]
    path = folder / "golden.npy"
    np.save(path, noise)
    child_process.run("replay", "keras", str(source), str(path), str(folder))
    probabilities = np.load(folder / PROBABILITIES, allow_pickle=False)
    return Golden(path, digests.sha256(path), probabilities, metadata)
