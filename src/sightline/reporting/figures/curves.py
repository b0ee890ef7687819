"""The curves of a training."""

from pathlib import Path
from typing import TYPE_CHECKING

from sightline.reporting.figures.canvas import BLUE, ORANGE, blank, plain, save

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


def draw_both_curves(path: Path, before: "pd.DataFrame", now: "pd.DataFrame") -> None:
    """Draw accuracy and loss of two trainings over their epochs, in the same diagrams.

    Colour tells the runs apart, A and B; training is a solid line, validation a dashed one.

    Args:
        path: PNG to write.
        before: History of A, as for `draw_curves`.
        now: History of B.
    """
    from matplotlib.ticker import PercentFormatter

    figure = blank(9, 4.2, layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    for axes, metric, number in ((left, "accuracy", "{:.2%}"), (right, "loss", "{:.4f}")):
        for run, history, colour, marker in (("A", before, BLUE, "o"), ("B", now, ORANGE, "s")):
            training, validation = f"{marker}-", f"{marker}--"
            _draw_line(axes, history, metric, (f"{run} training", colour, training), number)
            _draw_line(
                axes, history, f"val_{metric}", (f"{run} validation", colour, validation), number
            )
        _finish(axes, metric)
        # Below, where it hides nothing: there are up to four lines, anywhere.
        axes.legend(
            frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(0, -0.17), borderaxespad=0
        )
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.set_ylabel("accuracy (share of the images)")
    right.set_ylabel("loss (cross-entropy, nats)")
    save(figure, path)


def _draw_curve(axes: "Axes", history: "pd.DataFrame", metric: str, number: str) -> None:
    _draw_line(axes, history, metric, ("training", BLUE, "o-"), number)
    _draw_line(axes, history, f"val_{metric}", ("validation", ORANGE, "s--"), number)
    _finish(axes, metric)
    axes.legend(frameon=False, fontsize=9)


def _draw_line(
    axes: "Axes", history: "pd.DataFrame", column: str, look: tuple[str, str, str], number: str
) -> None:
    """Draw one curve, where it was watched; its look is name, colour, marker and line."""
    if column not in history:
        return
    name, colour, style = look
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


def _finish(axes: "Axes", metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    plain(axes, metric.capitalize())
    axes.set_xlabel("epoch")
    axes.margins(x=0.04, y=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
