"""The accuracy under each corruption."""

from pathlib import Path

import numpy as np

from sightline.records import Robustness
from sightline.reporting.figures import lettering
from sightline.reporting.figures.canvas import INK, LITERAL, add_scale, blank, save, write_cells

_BRIGHT_SHARE = 0.58  # From this accuracy on, black is more legible on a cell than white
_LONGEST_NAME = 1.4  # Inches


def draw_robustness(path: Path, robustness: Robustness) -> None:
    """Draw a heat map of the accuracy: a row per corruption, a column per severity."""
    from matplotlib.ticker import PercentFormatter

    accuracies = np.array([row.accuracies for row in robustness.corruptions])
    rows = [row.corruption for row in robustness.corruptions]
    names = lettering.distinct(rows, _LONGEST_NAME, 9.5)
    figure = blank(6.4, 1.2 + 0.42 * len(names), layout="constrained")
    axes = figure.subplots()
    # Cividis brightens evenly, also in print and for colour-blind readers.
    cells = axes.imshow(accuracies, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    add_scale(axes, cells, "accuracy", aspect=22, format=PercentFormatter(1.0))
    bright = accuracies > _BRIGHT_SHARE
    write_cells(axes, accuracies, "{:.1%}", lambda *cell: INK if bright[cell] else "white", 9.5)
    axes.set_yticks(range(len(names)), names, **LITERAL)
    axes.set_xticks(range(accuracies.shape[1]), [str(n + 1) for n in range(accuracies.shape[1])])
    axes.tick_params(length=0, labelsize=9.5)
    axes.set_xlabel("severity of the corruption")
    save(figure, path)
