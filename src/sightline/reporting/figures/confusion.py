"""The confusion matrix."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.reporting.figures import lettering
from sightline.reporting.figures.canvas import INK, LITERAL, add_scale, blank, save, write_cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL, _SMALLEST, _LARGEST = 0.42, 2.0, 6.8
"""Inches: the side of a cell, and the least and the most of all cells together."""

_NAMED_CLASSES = 60  # Up to this many classes, the axes have names instead of numbers
_LARGE, _SMALL = 9, 6.5  # Points of the names of few and of many classes

_LONGEST_NAME = 2.2  # Inches
_LEVEL_NAME = 0.25  # Inches up to which names on the horizontal axis are level

_LEAST_SIZE, _FILLED = 4.5, 0.85
"""Points below which the numbers in cells are left out, and their share of a cell's width."""

_DARK_SHARE = 0.35  # From this share on, white is more legible on a cell than black
_TICKS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)


def draw_confusion_matrix(
    path: Path, confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> None:
    """Draw the confusion matrix; the colour of a cell is its share of the row.

    Args:
        confusion: Counts; row: true class, column: prediction.
        class_names: Names in label order; numbers of the classes replace them beyond 60 classes.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import PercentFormatter

    counts = np.asarray(confusion, dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names, size = _names(class_names)
    longest = max(lettering.width(name, size) for name in names)
    side = float(np.clip(_CELL * len(counts), _SMALLEST, _LARGEST))
    figure = blank(side + longest + 1.6, side + longest + 0.6, layout="constrained")
    axes = figure.subplots()
    # The square root makes a few mistakes visible beside a strong diagonal.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    cells = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    percent = PercentFormatter(1.0, decimals=0)
    look = {"shrink": 0.8, "aspect": 28, "ticks": _TICKS, "format": percent}
    add_scale(axes, cells, "share of the true class", **look)
    what = "class" if len(counts) <= _NAMED_CLASSES else "class (number)"
    axes.set(xlabel=f"predicted {what}", ylabel=f"true {what}")
    size_of_counts = _size_of_counts(counts, side)
    if size_of_counts >= _LEAST_SIZE:
        dark = shares > _DARK_SHARE
        color = lambda *cell: "white" if dark[cell] else INK  # noqa: E731
        write_cells(axes, counts, "{:,}", color, size_of_counts)
    if len(counts) <= _NAMED_CLASSES:
        _write_names(axes, names, size)
    save(figure, path)


def _names(class_names: Sequence[str]) -> tuple[list[str], float]:
    """Fit the names to the axes; return them with the size of the font in points."""
    pitch = 72 * _LARGEST / len(class_names)
    size = float(np.clip(0.55 * pitch, _SMALL, _LARGE))
    if len(class_names) > _NAMED_CLASSES:
        return [str(number) for number in range(len(class_names))], size
    return lettering.distinct(class_names, _LONGEST_NAME, size), size


def _size_of_counts(counts: NDArray[Any], side: float) -> float:
    """Return the points at which the counts fit their cells."""
    cell = side / len(counts)
    widest = lettering.width(f"{counts.max():,}", 1)
    return min(9.5, _FILLED * cell / widest, 0.6 * 72 * cell)


def _write_names(axes: "Axes", names: Sequence[str], size: float) -> None:
    level = max(lettering.width(name, size) for name in names) <= _LEVEL_NAME
    axes.set_yticks(range(len(names)), names, fontsize=size, **LITERAL)
    axes.set_xticks(range(len(names)), names, fontsize=size, rotation=0 if level else 90, **LITERAL)
