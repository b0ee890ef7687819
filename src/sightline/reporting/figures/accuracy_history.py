"""The test accuracy from run to run."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle, groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from sightline.reporting.figures.canvas import (
    BLUE,
    GREY,
    INK,
    LINE,
    LITERAL,
    ORANGE,
    blank,
    save,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (BLUE, ORANGE, "#007A5A", "#9B4F8E", "#4A4A4A")
"""Blue, orange, bluish green, purple, dark grey: Okabe and Ito's, dark enough for thin lines."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
"""Not as many as colours, so that forty recipes differ in one or the other."""

_PANEL_HEIGHT, _FOOT = 3.3, 0.3
_MOST_TICKS = 8
_FEW_RUNS = 40
"""Up to this many runs, markers and intervals have their full size."""

_LONGEST_NAME = 24
_LEGEND_WIDTH, _HANDLE_WIDTH = 105, 7
"""In letters: all of the legend, and what stands before a name."""

_PALETTE = 128
"""Colours of the file: it is a third as large as with all, and one is kept a run."""


class HistoryPoint(NamedTuple):
    """One run in the picture.

    Attributes:
        created: When it was published, with its time zone.
        recipe: Its recipe; gives colour and marker.
        accuracy: In [0, 1].
        interval: 95 % interval of the accuracy, both ends in [0, 1].
        band: Mean accuracy over seeds and how far to shade around it; None where unknown.
    """

    created: datetime
    recipe: str
    accuracy: float
    interval: tuple[float, float]
    band: tuple[float, float] | None


class _Style(NamedTuple):
    colour: str
    marker: str


def draw_accuracy_history(path: Path, panels: Mapping[str, Sequence[HistoryPoint]]) -> None:
    """Draw accuracy with its interval over the runs, evenly spaced, one panel a data set.

    Args:
        path: PNG to write.
        panels: Data set to its runs, the oldest first; at least one run each.
    """
    recipes = sorted({point.recipe for points in panels.values() for point in points})
    looks = zip(recipes, cycle(_COLOURS), cycle(_MARKERS), strict=False)
    styles = {recipe: _Style(colour, marker) for recipe, colour, marker in looks}
    figure = blank(9, _PANEL_HEIGHT * len(panels) + _FOOT, layout="constrained")
    rows = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, (dataset, points) in zip(rows, panels.items(), strict=True):
        _draw_panel(axes, dataset, points, styles)
    save(figure, path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(_PALETTE).save(path, format="png")


def _draw_panel(
    axes: "Axes", dataset: str, points: Sequence[HistoryPoint], styles: Mapping[str, _Style]
) -> None:
    from matplotlib.ticker import PercentFormatter

    for recipe, style in styles.items():
        own = [(place, point) for place, point in enumerate(points) if point.recipe == recipe]
        if own:
            _draw_bands(axes, own, style)
            _draw_runs(axes, own, style, len(points))
    _label_time(axes, [point.created.astimezone(UTC) for point in points])
    _show_legend(axes)
    axes.set_xlim(-0.8, len(points) - 0.2)
    axes.margins(y=0.08)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel("test accuracy (share of the images)", fontsize=9)
    title = shorten(dataset, 2 * _LONGEST_NAME)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", **LITERAL)
    if any(point.band for point in points):
        noise = "shaded: seed noise, mean ± 2 standard deviations"
        axes.set_title(noise, loc="right", fontsize=9, color=GREY)
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(color=GREY, labelsize=9)


def _draw_bands(axes: "Axes", own: Sequence[tuple[int, HistoryPoint]], style: _Style) -> None:
    """Shade a band from the first to the last of the runs in a row that it fits."""
    for band, group in groupby(own, key=lambda placed: placed[1].band):
        if band is None:
            continue
        places = [place for place, _ in group]
        (mean, reach), ends = band, (places[0] - 0.5, places[-1] + 0.5)
        low, high = max(0.0, mean - reach), min(1.0, mean + reach)
        axes.fill_between(ends, low, high, color=style.colour, alpha=0.14, linewidth=0)
        axes.hlines(mean, *ends, color=style.colour, linewidth=0.8, linestyle=(0, (4, 3)))


def _draw_runs(
    axes: "Axes", own: Sequence[tuple[int, HistoryPoint]], style: _Style, runs: int
) -> None:
    size = 1.0 if runs <= _FEW_RUNS else 0.6
    accuracies = [point.accuracy for _, point in own]
    name = shorten(own[0][1].recipe, _LONGEST_NAME)
    axes.errorbar(
        [place for place, _ in own],
        accuracies,
        yerr=[
            [max(0.0, point.accuracy - point.interval[0]) for _, point in own],
            [max(0.0, point.interval[1] - point.accuracy) for _, point in own],
        ],
        color=style.colour,
        marker=style.marker,
        markersize=5.5 * size,
        linewidth=0.9 * size,
        elinewidth=1.1 * size,
        capsize=2 if size == 1 else 0,
        label=f"{name}, last {accuracies[-1]:.2%}",
    )


def _show_legend(axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    longest = max(len(label) for label in labels)
    legend = axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0, -0.2),
        borderaxespad=0,
        ncols=min(4, _LEGEND_WIDTH // (longest + _HANDLE_WIDTH)),
        frameon=False,
        fontsize=9,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _label_time(axes: "Axes", times: Sequence[datetime]) -> None:
    """Write the date at the first run of a day, or the time of day where all are of one."""
    days = [time.date() for time in times]
    what, form = "date", "%Y-%m-%d"
    firsts = [0] + [place for place in range(1, len(days)) if days[place] != days[place - 1]]
    if len(firsts) == 1:
        what, form, firsts = f"time on {days[0]}", "%H:%M", list(range(len(times)))
    places = list(_spread(firsts, len(times) / _MOST_TICKS))
    axes.set_xticks(places, [f"{times[place]:{form}}" for place in places])
    axes.set_xlabel(f"runs, the oldest first ({what}, UTC)", fontsize=9, color=INK)


def _spread(places: Sequence[int], distance: float) -> Iterator[int]:
    """Leave out the places that are too near to the one before."""
    last = -distance
    for place in places:
        if place - last >= distance:
            last = place
            yield place
