"""How much accuracy each corruption leaves."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightline.records import Robustness
from sightline.reporting.figures.canvas import GREY, INK, LITERAL, blank, save, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BRIGHT_SHARE = 0.58
"""From this accuracy on, black is easier to read on the cell than white."""


def draw_robustness(path: Path, robustness: Robustness) -> None:
    """Draw a heat map: a row a corruption, a column a severity, the accuracy in each cell.

    Args:
        path: PNG to write.
        robustness: What was measured; at least one corruption.
    """
    accuracies = np.array([row.accuracies for row in robustness.corruptions])
    names = [shorten(row.corruption, 18) for row in robustness.corruptions]
    figure = blank(6.4, 1.3 + 0.42 * len(names), layout="constrained")
    axes = figure.subplots()
    _draw_cells(axes, accuracies)
    axes.set_yticks(range(len(names)), names, **LITERAL)
    severities = [str(number + 1) for number in range(accuracies.shape[1])]
    axes.set_xticks(range(len(severities)), severities)
    axes.tick_params(length=0, labelsize=9.5)
    axes.set(xlabel="severity of the corruption")
    images, accuracy = f"{robustness.images:,}", f"{robustness.accuracy:.1%}"
    title = f"Accuracy on corrupted test images ({images}; {accuracy} as they are)"
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    save(figure, path)


def _draw_cells(axes: "Axes", accuracies: NDArray[np.float64]) -> None:
    from matplotlib.ticker import PercentFormatter

    # Cividis grows brighter evenly, in print and for colour-blind readers, too.
    cells = axes.imshow(accuracies, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (row, column), accuracy in np.ndenumerate(accuracies):
        axes.text(
            column,
            row,
            f"{accuracy:.1%}",
            ha="center",
            va="center",
            fontsize=9.5,
            color=INK if accuracy > _BRIGHT_SHARE else "white",
        )
    borders = np.arange(len(accuracies) - 1) + 0.5
    axes.hlines(borders, -0.5, accuracies.shape[1] - 0.5, color="white", linewidth=1)
    borders = np.arange(accuracies.shape[1] - 1) + 0.5
    axes.vlines(borders, -0.5, len(accuracies) - 0.5, color="white", linewidth=1)
    axes.spines[:].set_color(GREY)
    bar = axes.figure.colorbar(cells, ax=axes, aspect=22, pad=0.02, format=PercentFormatter(1.0))
    bar.ax.tick_params(labelsize=8)
    bar.set_label("accuracy (share of the images)", fontsize=9)
    bar.outline.set_visible(False)
