"""Situations in which data sets lie: the rows of the grid, and what is right in each."""

from pathlib import Path

from grid_images import IMAGES
from grid_labels import LABELS, SPLITS
from grid_situation import Situation, labelled, refused


def _truncate(path: Path) -> None:
    file = max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.name)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 - 1])  # within a record


def _clear(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


FILES = (
    Situation(
        "a truncated file",
        labelled(train=[0, 1, 0, 1], test=[0, 1]),
        refused("/data"),
        change=_truncate,
        needs="one file",
    ),
    Situation(
        "an empty folder",
        labelled(train=[0, 1], test=[0, 1]),
        refused("/data", "empty"),
        change=_clear,
        needs="one file",
    ),
)


GRID = {"Splits": SPLITS, "Labels": LABELS, "Images": IMAGES, "Files": FILES}
