"""The reliability diagram above the confidences of its images, and accuracy over coverage."""

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

_BELOW_ONE = 0.7  # Where the logarithmic axis begins, so that a single image shows


def draw_calibration(
    path: Path, calibration: Calibration, coverage: Sequence[CoveragePoint]
) -> None:
    """Draw the reliability diagram above a histogram, and accuracy over coverage."""
    figure = blank(9, 5.6, layout="constrained")
    space = {"height_ratios": (5, 2), "wspace": 0.08}
    axes = figure.subplot_mosaic([["bins", "coverage"], ["images", "coverage"]], gridspec_kw=space)
    _draw_reliability(axes["bins"], calibration)
    _draw_confidence(axes["images"], calibration)
    _draw_coverage(axes["coverage"], coverage)
    save(figure, path)


def _draw_reliability(axes: "Axes", calibration: Calibration) -> None:
    bins = [one for one in calibration.bins if one.images]
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
        color=BLUE,
        edgecolor="white",
        zorder=3,
        label="images of a bin",
    )
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), ylabel="accuracy")
    percentages(axes.xaxis, axes.yaxis)
    plain(axes)
    show_legend(axes)


def _draw_confidence(axes: "Axes", calibration: Calibration) -> None:
    """Draw how many predictions of each bin are correct and wrong, on a logarithmic axis."""
    from matplotlib.ticker import StrMethodFormatter

    edges = [0.0, *(one.high for one in calibration.bins)]
    correct = [round(one.images * (one.accuracy or 0)) for one in calibration.bins]
    wrong = [one.images - hits for one, hits in zip(calibration.bins, correct, strict=True)]
    least, labels = _BELOW_ONE, (f"correct ({sum(correct):,})", f"wrong ({sum(wrong):,})")
    axes.stairs(correct, edges, baseline=least, fill=True, color=BLUE, alpha=0.35, label=labels[0])
    axes.stairs(wrong, edges, baseline=least, color=ORANGE, linewidth=1.5, label=labels[1])
    axes.set_yscale("log")
    axes.set(xlim=(0, 1.03), ylim=(_BELOW_ONE, None), xlabel="confidence", ylabel="images")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.minorticks_off()
    percentages(axes.xaxis)
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
