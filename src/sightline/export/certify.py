"""Check that an exported model predicts what the evaluation measured, and says what it is."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sightline.config import Format
from sightline.export import child_process
from sightline.export.child_process import ProgramError
from sightline.export.golden import Floats, Golden
from sightline.export.replay import PROBABILITIES
from sightline.records import ExportCheck, FileRecord, ModelMetadata
from sightline.storage import json_digest
from sightline.storage.text import printable

_UNKNOWN = {"difference": 1.0} | dict.fromkeys(
    ("agreement", "load_seconds", "latency_1", "latency_256"), 0.0
)


def check(
    name: Format, path: Path, records: tuple[FileRecord, ...], golden: Golden, tolerance: float
) -> ExportCheck:
    """Predict the golden images with an exported model in a child process, and compare.

    An export passes up to a difference of `tolerance` in a probability. One that cannot be loaded,
    crashes, or gives anything but finite float32 probabilities of the right shape does not pass,
    nor one with other class names or preprocessing; `problem` gives the reason. Raises StageError
    if the process hung or was killed, which says nothing about the export.
    """
    figures: dict[str, Any] = {"runtime": name, **_UNKNOWN}
    problem = None
    with tempfile.TemporaryDirectory(dir=golden.images.parent) as out:
        try:
            figures |= child_process.run("replay", name, str(path), str(golden.images), out)
            _check_metadata(figures.pop("metadata"), golden.metadata)
            found = _probabilities(Path(out, PROBABILITIES), golden)
            measured = golden.probabilities
            figures["difference"] = float(np.abs(found - measured).max())
            figures["agreement"] = float((found.argmax(axis=1) == measured.argmax(axis=1)).mean())
        except ProgramError as error:
            problem = f"{name} cannot be used: {error}."
    passed = problem is None and figures["difference"] <= tolerance
    return ExportCheck(format=name, files=records, passed=passed, problem=problem, **figures)


def _check_metadata(text: str | None, expected: ModelMetadata) -> None:
    """Raise ProgramError unless they agree; a file of an earlier version has none."""
    try:
        found = expected if text is None else ModelMetadata.model_validate_json(text)
    except ValueError as error:
        reason = printable(json_digest.reason(error))
        raise ProgramError(f"its metadata cannot be read ({reason})") from None
    differing = [name for name, value in found if value != getattr(expected, name)]
    if differing:
        raise ProgramError(f"its metadata differ from the data set's in {', '.join(differing)}")


def _probabilities(path: Path, golden: Golden) -> Floats:
    try:
        found: Floats = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ProgramError(f"its probabilities cannot be read ({printable(str(error))})") from None
    expected = golden.probabilities.shape
    if found.shape != expected or found.dtype != np.float32:
        raise ProgramError(
            f"expected probabilities float32{list(expected)}, got {found.dtype}{list(found.shape)}"
        )
    if not np.isfinite(found).all():
        raise ProgramError("some of its probabilities are not finite")
    return found
