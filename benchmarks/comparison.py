"""One table for what was measured side by side."""

import argparse
import json
import os
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SHALLOW = (
    "--set=evaluation.robustness_images=0",
    "--set=evaluation.saliency_images=0",
    "--set=evaluation.label_error_threshold=1",
)
"""Options of `sightline train` that leave out what a plain script does not measure either."""


@dataclass
class Comparison:
    """One quantity of Sightline's and of what it is compared with, in pairs.

    Attributes:
        what: What was measured, with its unit.
        against: What it is compared with; empty where nothing is.
        more_is_better: Whether a larger number is the better one, as of images a second.
    """

    what: str
    against: str = ""
    more_is_better: bool = False
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def gains(self) -> list[float]:
        """Return how many times better ours is, pair by pair."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [ours / theirs if self.more_is_better else theirs / ours for ours, theirs in pairs]


def in_turn(rounds: int, *measures: Callable[[int], object]) -> None:
    """Call functions with the number of the round; who goes first changes each time."""
    for number in range(rounds):
        first = number % len(measures)
        for measure in (*measures[first:], *measures[:first]):
            measure(number)


def spread(values: Sequence[float]) -> str:
    """Format the median and the range; nothing for no values."""
    if not values:
        return ""
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def show(comparisons: Sequence[Comparison]) -> None:
    """Print the table: medians, with ranges in brackets."""
    table = Table("what", "Sightline", "compared with", "its figure", "times better")
    for row in comparisons:
        gains = spread(row.gains()) if row.theirs else ""
        table.add_row(row.what, spread(row.ours), row.against, spread(row.theirs), gains)
    Console(width=160).print(table)


def output(command: Sequence[str], **variables: str) -> str:
    """Run a command and return its standard output; end where it fails, with what it said."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    return done.stdout


def answer(command: Sequence[str], **variables: str) -> dict[str, Any]:
    """Run a command that prints JSON."""
    found: dict[str, Any] = json.loads(output(command, **variables))
    return found


def main(
    usage: str | None, compare: Callable[[Path, int], Sequence[Comparison]], rounds: int
) -> None:
    """Read --data-dir and --rounds, measure, and print the table."""
    parser = argparse.ArgumentParser(description=usage)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=rounds)
    asked = parser.parse_args()
    show(compare(asked.data_dir, asked.rounds))
