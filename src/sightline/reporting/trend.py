"""The test accuracy of the last runs of a data set, small, as the page draws it.

It depends on other runs, so it belongs to the page and not to the cached figures.
"""

from itertools import islice
from typing import NamedTuple

from sightline.experiments import run_folder
from sightline.records.manifest import ManifestExcerpt, RunManifest
from sightline.reporting.table import interval
from sightline.storage.workspace import Workspace

WIDTH, HEIGHT = 340, 90
"""Pixels of the drawing, without the dates below it."""

_RUNS, _FEWEST = 12, 3  # Most runs that are shown, and fewest that show a trend
_LEFT, _MARGIN = 60, 10  # Pixels for the labels of the accuracy, and around the points


class Point(NamedTuple):
    """One run; pixels from the upper left corner."""

    across: float
    down: float  # Of the accuracy
    top: float  # Of the upper end of its 95 % interval
    bottom: float
    date: str
    text: str  # Short ID, recipe, accuracy and interval


class Trend(NamedTuple):
    """The runs, the oldest first and this one last, and the range of the accuracy axis."""

    points: tuple[Point, ...]
    low: float
    high: float


def find(workspace: Workspace, manifest: RunManifest) -> Trend | None:
    """Find the last runs of the data set up to this one; None if there are less than two others."""
    before = (
        run
        for run in run_folder.history(workspace, manifest.records.ingest.dataset)
        if run.created < manifest.created
    )
    earlier = [*islice(before, _RUNS - 1)][::-1]
    runs: list[RunManifest | ManifestExcerpt] = [*earlier, manifest]
    if len(runs) < _FEWEST:
        return None
    ends = [end for run in runs for end in run.records.evaluate.accuracy_interval]
    low, high = min(ends), max(ends)
    points = (_point(place / (len(runs) - 1), run, low, high) for place, run in enumerate(runs))
    return Trend(tuple(points), low, high)


def _point(share: float, run: RunManifest | ManifestExcerpt, low: float, high: float) -> Point:
    measured, scale = run.records.evaluate, (HEIGHT - 2 * _MARGIN) / (high - low)

    def down(accuracy: float) -> float:
        return round(_MARGIN + (high - accuracy) * scale, 1)

    bottom, top = map(down, measured.accuracy_interval)
    return Point(
        across=round(_LEFT + share * (WIDTH - _LEFT - _MARGIN), 1),
        down=down(measured.accuracy),
        top=top,
        bottom=bottom,
        date=f"{run.created:%Y-%m-%d %H:%M}",
        text=f"{run_folder.short_id(run.run_id)}, {run.config.recipe}: {measured.accuracy:.2%} "
        f"({interval(measured.accuracy_interval)})",
    )
