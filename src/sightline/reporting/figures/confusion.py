"""The confusion matrix."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sightline.reporting.figures.canvas import (
    INK,
    LITERAL,
    add_scale,
    blank,
    save,
    shorten,
    write_cells,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBERED_CLASSES, _NAMED_CLASSES = 20, 60
"""Up to this many classes, the cells have numbers and the axes have names."""

_LONGEST_NAME, _LONGEST_LEVEL_NAME = 18, 2
"""Longer names are cut; names on the horizontal axis are tilted if one is longer than this."""

_DARK_SHARE = 0.35  # From this share on, white is more legible on a cell than black
_TICKS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)


def draw_confusion_matrix(
    path: Path, confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> None:
    """Draw the confusion matrix; the colour of a cell is its share of the row.

    Args:
        confusion: Counts; row: true class, column: prediction.
        class_names: Names in label order; left out beyond 60 classes, numbers beyond 20.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import PercentFormatter

    counts = np.asarray(confusion, dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.0 + 0.42 * len(counts), 9.0)
    figure = blank(side + 0.9, side, layout="constrained")
    axes = figure.subplots()
    # The square root makes a few mistakes visible beside a strong diagonal.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    cells = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    percent = PercentFormatter(1.0, decimals=0)
    look = {"shrink": 0.8, "aspect": 28, "ticks": _TICKS, "format": percent}
    add_scale(axes, cells, "share of the true class", **look)
    axes.set(xlabel="predicted class", ylabel="true class", xticks=[], yticks=[])
    if len(counts) <= _NUMBERED_CLASSES:
        size = 8 if len(counts) > _NUMBERED_CLASSES // 2 else 9.5
        dark = shares > _DARK_SHARE
        write_cells(axes, counts, "{:,}", lambda *cell: "white" if dark[cell] else INK, size)
    if len(counts) <= _NAMED_CLASSES:
        _write_names(axes, class_names)
    save(figure, path)


def _write_names(axes: "Axes", class_names: Sequence[str]) -> None:
    names = [shorten(name, _LONGEST_NAME) for name in class_names]
    size = 9 if len(names) <= _NUMBERED_CLASSES else 6.5
    axes.set_yticks(range(len(names)), names, fontsize=size, **LITERAL)
    axes.set_xticks(range(len(names)), names, fontsize=size, **LITERAL)
    if max(map(len, names)) > _LONGEST_LEVEL_NAME:
        for label in axes.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
