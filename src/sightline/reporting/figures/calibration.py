"""The reliability diagram, and accuracy over coverage."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.records import Calibration, CoveragePoint
from sightline.reporting.figures.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    blank,
    percentages,
    plain,
    save,
    show_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_THRESHOLDS = 6
"""At most this many points have their threshold written beside them, so that none overlap."""


def draw_calibration(
    path: Path, calibration: Calibration, coverage: Sequence[CoveragePoint]
) -> None:
    """Draw the reliability diagram, and accuracy over coverage."""
    figure = blank(9, 4.2, layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    _draw_reliability(left, calibration)
    _draw_coverage(right, coverage)
    save(figure, path)


def _draw_reliability(axes: "Axes", calibration: Calibration) -> None:
    bins = [one for one in calibration.bins if one.images]
    most = max(one.images for one in bins)
    accuracies = [one.accuracy or 0 for one in bins]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfect calibration")
    axes.bar(
        [one.low for one in bins],
        accuracies,
        width=[one.high - one.low for one in bins],
        align="edge",
        color=BLUE,
        alpha=0.35,
        edgecolor="white",
    )
    axes.scatter(
        [one.confidence or 0 for one in bins],
        accuracies,
        s=[12 + 110 * one.images / most for one in bins],
        color=BLUE,
        edgecolor="white",
        zorder=3,
        label="bins (larger: more images)",
    )
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="confidence", ylabel="accuracy")
    percentages(axes.xaxis, axes.yaxis)
    plain(axes)
    show_legend(axes)


def _draw_coverage(axes: "Axes", coverage: Sequence[CoveragePoint]) -> None:
    shares = [point.coverage for point in coverage]
    axes.plot(shares, [point.accuracy for point in coverage], "o-", color=ORANGE, markersize=4.5)
    distance = (max(shares) - min(shares)) / _THRESHOLDS
    last = 2.0
    below = -11 if distance else 5  # a lone point may lie on the axis
    for point in coverage:
        if last - point.coverage > distance:
            last = point.coverage
            axes.annotate(
                f"{point.threshold:.4g}" if point.threshold else "all",
                (point.coverage, point.accuracy),
                xytext=(4, below),
                textcoords="offset points",
                fontsize=8,
                color=INK,
            )
    axes.margins(x=0.08, y=0.12)
    if min(shares) == max(shares):  # else matplotlib would choose limits beyond 100 %
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03))
    axes.invert_xaxis()
    axes.set(xlabel="coverage (share of images answered)", ylabel="accuracy of the answers")
    percentages(axes.xaxis, axes.yaxis)
    plain(axes)
