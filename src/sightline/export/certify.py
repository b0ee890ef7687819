"""Whether an exported form answers as the model did that was measured."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sightline.config import Format
from sightline.export import child_process
from sightline.export.child_process import ProgramError
from sightline.export.golden import Floats, Golden
from sightline.export.replay import ANSWERS, FACTS, Facts
from sightline.records import ExportCheck, FileRecord
from sightline.storage.text import printable

_UNKNOWN = {"difference": 1.0, "agreement": 0.0}
_UNTIMED = {"load_seconds": 0.0, "latency_1": 0.0, "latency_256": 0.0}


def check(
    form: Format, path: Path, records: tuple[FileRecord, ...], golden: Golden, tolerance: float
) -> ExportCheck:
    """Let a form answer the golden images in a process of its own, and compare.

    Args:
        form: Which form.
        path: Its file or folder.
        records: What it consists of.
        golden: Images, and what was measured on them.
        tolerance: Largest difference of a probability that passes.

    Returns:
        The figures. A form that cannot be loaded, crashes or answers with anything but finite
        probabilities of the right shape has not passed, and `problem` says why.

    Raises:
        StageError: The process hung or was killed, which says nothing of the form.
    """
    figures: dict[str, Any] = {"runtime": form, **_UNKNOWN, **_UNTIMED}
    problem: str | None = None
    with tempfile.TemporaryDirectory(dir=golden.images.parent) as out:
        try:
            child_process.run("replay", form, str(path), str(golden.images), out)
            figures |= _facts(Path(out, FACTS)).model_dump()
            figures |= _compare(_answers(Path(out, ANSWERS), golden), golden.probabilities)
        except ProgramError as error:
            problem = f"{form} cannot be used: {error}."
    passed = problem is None and figures["difference"] <= tolerance
    return ExportCheck(format=form, files=records, passed=passed, problem=problem, **figures)


def _facts(path: Path) -> Facts:
    try:
        return Facts.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        raise ProgramError("its process ended without saying what it found") from None


def _answers(path: Path, golden: Golden) -> Floats:
    try:
        answers: Floats = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ProgramError(f"its answers cannot be read ({printable(str(error))})") from None
    expected = golden.probabilities.shape
    if answers.shape != expected or answers.dtype != np.float32:
        raise ProgramError(
            f"it answered with {answers.dtype}{list(answers.shape)}, expected float32"
            f"{list(expected)}"
        )
    if not np.isfinite(answers).all():
        raise ProgramError("some of its probabilities are no finite numbers")
    return answers


def _compare(answers: Floats, measured: Floats) -> dict[str, float]:
    same = answers.argmax(axis=1) == measured.argmax(axis=1)
    return {
        "difference": float(np.abs(answers - measured).max()),
        "agreement": float(same.mean()),
    }
