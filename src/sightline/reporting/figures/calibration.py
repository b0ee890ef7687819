"""Whether the probabilities can be believed, and what abstaining brings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.records import Calibration, CoveragePoint
from sightline.reporting.figures.canvas import BLUE, GREY, INK, ORANGE, blank, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_calibration(
    path: Path, calibration: Calibration, coverage: Sequence[CoveragePoint]
) -> None:
    """Draw the reliability diagram, and accuracy against coverage.

    Args:
        path: PNG to write.
        calibration: Bins of the highest probability.
        coverage: From answering everything to answering little.
    """
    figure = blank(9, 4, layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    _draw_reliability(left, calibration)
    _draw_coverage(right, coverage)
    save(figure, path)


def _draw_reliability(axes: "Axes", calibration: Calibration) -> None:
    from matplotlib.ticker import PercentFormatter

    filled = [found for found in calibration.bins if found.images]
    most = max(found.images for found in filled)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as it should be")
    axes.bar(
        [found.low for found in filled],
        [found.accuracy or 0 for found in filled],
        width=[found.high - found.low for found in filled],
        align="edge",
        color=BLUE,
        alpha=0.35,
        edgecolor="white",
    )
    axes.scatter(
        [found.confidence or 0 for found in filled],
        [found.accuracy or 0 for found in filled],
        s=[12 + 110 * found.images / most for found in filled],
        color=BLUE,
        edgecolor="white",
        zorder=3,
        label="test images (larger: more)",
    )
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="probability of the prediction")
    axes.set_ylabel("share that is right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    plain(axes, f"Reliability (calibration error {calibration.error:.2%})")
    axes.legend(fontsize=9, loc="upper left", framealpha=0.9, edgecolor="white")


def _draw_coverage(axes: "Axes", coverage: Sequence[CoveragePoint]) -> None:
    from matplotlib.ticker import PercentFormatter

    answered = [point.coverage for point in coverage]
    right = [point.accuracy for point in coverage]
    axes.plot(answered, right, "o-", color=ORANGE, markersize=4.5)
    shown = 2.0
    for point in coverage:
        # Thresholds that answer almost as much would be written over each other.
        if shown - point.coverage > _apart(answered):
            shown = point.coverage
            axes.annotate(
                f"{point.threshold:.4g}" if point.threshold else "all",
                (point.coverage, point.accuracy),
                xytext=(4, -11),
                textcoords="offset points",
                ha="left",
                fontsize=8,
                color=INK,
            )
    axes.margins(x=0.08, y=0.12)
    if min(answered) == max(answered):  # else matplotlib would choose shares beyond all
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03))
    axes.invert_xaxis()
    axes.set(xlabel="coverage (share that is answered)", ylabel="accuracy of the answers")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    plain(axes, "Abstaining below a probability")


def _apart(answered: Sequence[float]) -> float:
    """Return how far apart on the axis two of nine words have to be."""
    return (max(answered) - min(answered)) / 9
