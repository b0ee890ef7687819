"""Which class was taken for which."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.reporting.figures.canvas import GREY, INK, LITERAL, blank, save, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBERED_CLASSES = 20
_NAMED_CLASSES = 60
_LONGEST_NAME = 18
_LONGEST_LEVEL_NAME = 2
_DARK_SHARE = 0.35
"""From this share on, white is easier to read on the cell than black."""


def draw_confusion_matrix(
    path: Path, confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> None:
    """Draw the confusion matrix; the colour of a cell is its share of the row.

    Args:
        path: PNG to write.
        confusion: Counts; row: label, column: prediction.
        class_names: Names in label order; left out beyond 60 classes, numbers beyond 20.
    """
    counts = np.asarray(confusion, dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(3.0 + 0.42 * len(counts), 9.0)
    figure = blank(side + 0.9, side, layout="constrained")
    axes = figure.subplots()
    _draw_cells(axes, shares)
    axes.set(xlabel="predicted class", ylabel="label (true class)")
    if len(counts) <= _NUMBERED_CLASSES:
        _write_counts(axes, counts, shares)
    if len(counts) <= _NAMED_CLASSES:
        _write_names(axes, class_names)
    save(figure, path)


def _draw_cells(axes: "Axes", shares: NDArray[np.float64]) -> None:
    from matplotlib.colors import PowerNorm

    # The square root lets a few mistakes show beside a strong diagonal.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    cells = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    bar = axes.figure.colorbar(cells, ax=axes, shrink=0.8, aspect=28, pad=0.02)
    ticks = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)
    bar.set_ticks(ticks, labels=[f"{tick:.0%}" for tick in ticks], fontsize=8)
    bar.minorticks_off()
    bar.set_label("share of the images of the label", fontsize=9)
    bar.outline.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(GREY)


def _write_counts(axes: "Axes", counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    borders = np.arange(len(counts) - 1) + 0.5
    axes.hlines(borders, -0.5, len(counts) - 0.5, color="white", linewidth=1)
    axes.vlines(borders, -0.5, len(counts) - 0.5, color="white", linewidth=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(
                column,
                row,
                f"{count:,}",
                ha="center",
                va="center",
                fontsize=8 if len(counts) > _NUMBERED_CLASSES // 2 else 9.5,
                color="white" if shares[row, column] > _DARK_SHARE else INK,
            )


def _write_names(axes: "Axes", class_names: Sequence[str]) -> None:
    names = [shorten(name, _LONGEST_NAME) for name in class_names]
    is_level = max(len(name) for name in names) <= _LONGEST_LEVEL_NAME
    turn: dict[str, Any] = (
        {}
        if is_level
        else {
            "rotation": 45,
            "ha": "right",
            "rotation_mode": "anchor",
        }
    )
    size = 9 if len(names) <= _NUMBERED_CLASSES else 6.5
    axes.set_xticks(range(len(names)), names, fontsize=size, **turn, **LITERAL)
    axes.set_yticks(range(len(names)), names, fontsize=size, **LITERAL)
