"""The verdict of the data gate in words and figures, for the report."""

from typing import NamedTuple

from sightline.data.validation.checks import percent
from sightline.data.validation.drift import in_words
from sightline.records import Check, DataGateResult

_PLAIN = frozenset({"missing_classes", "drift"})
"""Checks whose measure is no share."""


class CheckRow(NamedTuple):
    """One line of the table; `odd` is what asks for a look."""

    name: str
    outcome: str
    odd: bool
    measured: str
    limit: str
    sentence: str


class MoveRow(NamedTuple):
    """One figure that moved since the run before."""

    split: str
    figure: str
    before: str
    now: str


def check_rows(verdict: DataGateResult) -> list[CheckRow]:
    """Write the checks, in their order."""
    return [
        CheckRow(
            check.name,
            check.outcome,
            check.outcome in {"warned", "failed"},
            "" if check.measured is None else _written(check, check.measured),
            _written(check, check.limit),
            check.sentence,
        )
        for check in verdict.checks
    ]


def move_rows(verdict: DataGateResult) -> list[MoveRow]:
    """Write what moved, in its order."""
    return [MoveRow(move.split, move.figure, *in_words(move)) for move in verdict.changes]


def summary(verdict: DataGateResult) -> str:
    """Say in one phrase how the checks came out."""
    judged = [check for check in verdict.checks if check.outcome != "off"]
    warned = [check.name for check in judged if check.outcome != "passed"]
    if not warned:
        return f"all {len(judged)} checks passed"
    return f"{len(warned)} of {len(judged)} checks warned: {', '.join(warned)}"


def _written(check: Check, value: float) -> str:
    return f"{value:.3g}" if check.name in _PLAIN else percent(value)
