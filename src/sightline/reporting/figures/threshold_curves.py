"""ROC and precision-recall curves, each class against the rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightline.records import ThresholdCurves
from sightline.reporting.figures import lettering
from sightline.reporting.figures.canvas import (
    BLUE,
    GREY,
    LEGEND,
    ORANGE,
    blank,
    percentages,
    plain,
    save,
    show_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curves = NDArray[np.float32]
_LONGEST_NAME = 1.9  # Inches
_LIMITS = (-0.015, 1.015)  # Curves of a good model run along the edges


def draw_threshold_curves(
    path: Path, found: ThresholdCurves, curves: Curves, class_names: Sequence[str]
) -> None:
    """Draw the ROC curves and the precision-recall curves.

    Args:
        curves: float32 array of shape (2, 1 + m, points): recall, then precision; the macro
            average, then m classes, 0 or all that have curves.
    """
    figure = blank(9, 4.4, layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="chance, AUC 0.5")
    _draw(left, curves[0], found.class_roc_auc, class_names, ("AUC", found.roc_auc))
    plain(left)
    left.set(xlabel="false positive rate", ylabel="recall (true positive rate)")
    average = ("AP", found.average_precision)
    _draw(right, curves[1], found.class_average_precision, class_names, average)
    plain(right)
    right.set(xlabel="recall", ylabel="precision")
    save(figure, path)


def _draw(
    axes: "Axes",
    curves: Curves,
    areas: Sequence[float | None],
    class_names: Sequence[str],
    average: tuple[str, float],
) -> None:
    """Draw the classes faintly, the one with the smallest area and the macro average on top."""
    mean, *classes = curves
    grid = np.linspace(0, 1, len(mean))
    for curve in classes:
        axes.plot(grid, curve, color=GREY, linewidth=0.8, alpha=0.35)
    if classes:
        pairs = zip(areas, class_names, strict=True)
        known = [(area, name) for area, name in pairs if area is not None]
        (area, name), weakest = min(zip(known, classes, strict=True), key=lambda one: one[0])
        shown = lettering.fitted(name, _LONGEST_NAME, LEGEND)
        label = f"weakest: {shown}, {average[0]} {area:.4f}"
        axes.plot(grid, weakest, "--", color=ORANGE, linewidth=1.4, label=label)
    label = f"macro average, {average[0]} {average[1]:.4f}"
    axes.plot(grid, mean, color=BLUE, linewidth=2, label=label)
    axes.set(xlim=_LIMITS, ylim=_LIMITS)
    percentages(axes.xaxis, axes.yaxis)
    show_legend(axes)
