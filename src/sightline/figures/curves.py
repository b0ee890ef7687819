"""The curves of a training."""

from pathlib import Path
from typing import TYPE_CHECKING

from sightline.figures.canvas import BLUE, ORANGE, blank, plain, save

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MARKED_EPOCHS = 40
"""Beyond this many epochs, markers would hide the line."""


def draw_curves(path: Path, history: "pd.DataFrame") -> None:
    """Draw accuracy and loss over the epochs, for training and, where watched, validation.

    Args:
        path: PNG to write.
        history: One row an epoch: epoch, accuracy, loss, maybe val_accuracy and val_loss.
    """
    from matplotlib.ticker import PercentFormatter

    figure = blank(9, 3.5, layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    _draw_curve(left, history, "accuracy", "{:.2%}")
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.set_ylabel("accuracy (share of the images)")
    _draw_curve(right, history, "loss", "{:.4f}")
    right.set_ylabel("loss (cross-entropy, nats)")
    save(figure, path)


def _draw_curve(axes: "Axes", history: "pd.DataFrame", metric: str, number: str) -> None:
    from matplotlib.ticker import MaxNLocator

    lines = [(metric, "training", BLUE, "o-"), (f"val_{metric}", "validation", ORANGE, "s--")]
    for column, name, colour, style in lines:
        if column in history:
            last = number.format(history[column].iloc[-1])
            marker = style if len(history) <= _MARKED_EPOCHS else style[1:]
            axes.plot(
                history["epoch"],
                history[column],
                marker,
                color=colour,
                markersize=4.5,
                label=f"{name}, {last} at the end",
            )
    plain(axes, metric.capitalize())
    axes.legend(frameon=False, fontsize=9)
    axes.set_xlabel("epoch")
    axes.margins(x=0.04, y=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
