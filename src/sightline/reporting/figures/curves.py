"""The learning curves."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightline.reporting.figures.canvas import BLUE, ORANGE, blank, percentages, plain, save

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKED_EPOCHS = 40  # Beyond this many epochs, markers would hide the line


def draw_curves(path: Path, history: "pd.DataFrame") -> None:
    """Draw accuracy and loss per epoch, of training and validation.

    Args:
        history: One row per epoch: epoch, accuracy, loss, maybe val_accuracy and val_loss.
    """
    figure = blank(9, 3.5, layout="constrained")
    for axes, metric in zip(_diagrams(figure), ("accuracy", "loss"), strict=True):
        _draw_line(axes, history, metric, "training", BLUE, "o-")
        _draw_line(axes, history, f"val_{metric}", "validation", ORANGE, "s--")
        _finish(axes, metric)
    save(figure, path)


def draw_both_curves(path: Path, before: "pd.DataFrame", now: "pd.DataFrame") -> None:
    """Draw accuracy and loss per epoch of two trainings, A and B, in the same diagrams.

    Colour and marker distinguish the runs; training is a solid line, validation a dashed one.
    """
    figure = blank(9, 4.2, layout="constrained")
    for axes, metric in zip(_diagrams(figure), ("accuracy", "loss"), strict=True):
        for run, history, colour, marker in (("A", before, BLUE, "o"), ("B", now, ORANGE, "s")):
            _draw_line(axes, history, metric, f"{run} training", colour, f"{marker}-")
            name = f"{run} validation"
            _draw_line(axes, history, f"val_{metric}", name, colour, f"{marker}--")
        # Below the diagram, where it hides none of up to four lines.
        _finish(axes, metric, loc="upper left", bbox_to_anchor=(0, -0.17), borderaxespad=0)
    save(figure, path)


def _diagrams(figure: "Figure") -> tuple["Axes", "Axes"]:
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    left.set_ylabel("accuracy")
    right.set_ylabel("loss (cross-entropy, nats)")
    return left, right


def _draw_line(
    axes: "Axes", history: "pd.DataFrame", column: str, name: str, colour: str, style: str
) -> None:
    """Draw one curve, unless the history lacks it; the style is a marker and a line."""
    if column not in history:
        return
    last = history[column].iloc[-1]
    shown = f"{last:.2%}" if "accuracy" in column else f"{last:.4f}"
    axes.plot(
        history["epoch"],
        history[column],
        style if len(history) <= _MARKED_EPOCHS else style[1:],
        color=colour,
        markersize=4.5,
        label=f"{name}, final {shown}",
    )


def _finish(axes: "Axes", metric: str, **legend: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    plain(axes, metric.capitalize())
    axes.set_xlabel("epoch")
    axes.margins(x=0.04, y=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if metric == "accuracy":
        percentages(axes.yaxis)
    free = "lower right" if metric == "accuracy" else "upper right"  # where curves seldom lead
    axes.legend(frameon=False, fontsize=9, **{"loc": free, **legend})
