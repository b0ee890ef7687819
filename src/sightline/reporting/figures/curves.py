"""The learning curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.reporting.figures.canvas import (
    BLUE,
    GREY,
    ORANGE,
    blank,
    percentages,
    plain,
    save,
    show_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

History = Mapping[str, NDArray[Any]]
"""Columns of `history.parquet` or `steps.parquet`."""

_MARKED_EPOCHS = 40  # Beyond this many epochs, markers would hide the line


def draw_curves(path: Path, history: History, steps: History | None = None) -> None:
    """Draw accuracy and loss of training and validation, and the learning rate.

    Args:
        history: One row per epoch: epoch, accuracy, loss, maybe val_accuracy, val_loss and
            learning_rate.
        steps: More rows of the same columns for the training, at fractions of epochs.
    """
    rates = history if steps is None else steps
    figure = blank(9, 5 if "learning_rate" in rates else 3.5, layout="constrained")
    curves: FigureBase = figure
    if "learning_rate" in rates:
        grid = figure.add_gridspec(2, 1, height_ratios=(3.5, 1.5))
        curves = figure.add_subfigure(grid[0])
        _draw_rates(figure.add_subfigure(grid[1]).subplots(), rates)
    for axes, metric in zip(_diagrams(curves), ("accuracy", "loss"), strict=True):
        if steps is not None:
            label = "training, within epochs"
            axes.plot(steps["epoch"], steps[metric], color=BLUE, lw=1, alpha=0.5, label=label)
        _draw_line(axes, history, metric, "training", BLUE, "o-")
        _draw_line(axes, history, f"val_{metric}", "validation", ORANGE, "s--")
        _finish(axes, metric)
    save(figure, path)


def _draw_rates(axes: "Axes", rates: History) -> None:
    alone = len(rates["epoch"]) == 1  # a line of one point would be invisible
    axes.plot(rates["epoch"], rates["learning_rate"], "o-" if alone else "-", color=GREY)
    plain(axes)
    axes.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    axes.margins(x=0.02)
    axes.ticklabel_format(axis="y", style="plain")


def draw_both_curves(path: Path, before: History, now: History) -> None:
    """Draw accuracy and loss per epoch of two trainings, A and B, in the same diagrams.

    Colour and marker distinguish the runs; training is a solid line, validation a dashed one.
    """
    figure = blank(9, 4.2, layout="constrained")
    for axes, metric in zip(_diagrams(figure), ("accuracy", "loss"), strict=True):
        for run, history, colour, marker in (("A", before, BLUE, "o"), ("B", now, ORANGE, "s")):
            _draw_line(axes, history, metric, f"{run} training", colour, f"{marker}-")
            name = f"{run} validation"
            _draw_line(axes, history, f"val_{metric}", name, colour, f"{marker}--")
        _finish(axes, metric)
    save(figure, path)


def _diagrams(figure: "FigureBase") -> tuple["Axes", "Axes"]:
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    left.set_ylabel("accuracy")
    right.set_ylabel("loss (cross-entropy, nats)")
    return left, right


def _draw_line(
    axes: "Axes", history: History, column: str, name: str, colour: str, style: str
) -> None:
    """Draw one curve, unless the history lacks it; the style is a marker and a line."""
    if column not in history:
        return
    last = np.asarray(history[column])[-1]
    shown = f"{last:.2%}" if "accuracy" in column else f"{last:.4f}"
    axes.plot(
        history["epoch"],
        history[column],
        style if len(history["epoch"]) <= _MARKED_EPOCHS else style[1:],
        color=colour,
        markersize=4.5,
        label=f"{name}, final {shown}",
    )


def _finish(axes: "Axes", metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    plain(axes)
    axes.set_xlabel("epoch")
    axes.margins(x=0.04, y=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if metric == "accuracy":
        percentages(axes.yaxis)
    show_legend(axes)
