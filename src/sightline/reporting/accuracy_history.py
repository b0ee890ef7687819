"""Draws the test accuracy from run to run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sightline.reporting.figures.accuracy_history import HistoryPoint, draw_accuracy_history
from sightline.runs.history import Entry
from sightline.storage import files

_DEVIATIONS = 2
"""Half the height of the shaded band in standard deviations: about 95 % of all seeds."""


def draw(path: Path, histories: Mapping[str, Sequence[Entry]]) -> None:
    """Draw histories, one panel per data set.

    Args:
        path: PNG to write.
        histories: Data set to its entries, the oldest first; at least one data set.

    Raises:
        StorageError: The file cannot be written, or the path exists and is not a file.
    """
    panels = {name: [_point(entry) for entry in history] for name, history in histories.items()}
    with files.new_output(path) as temporary:
        draw_accuracy_history(temporary, panels)


def _point(entry: Entry) -> HistoryPoint:
    evaluation = entry.run.records.evaluate
    accuracy = entry.band.accuracy if entry.band else None
    return HistoryPoint(
        created=entry.run.created,
        recipe=entry.run.config.recipe,
        accuracy=evaluation.accuracy,
        interval=evaluation.accuracy_interval,
        band=(accuracy.mean, _DEVIATIONS * accuracy.deviation) if accuracy else None,
    )
