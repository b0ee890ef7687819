"""The test accuracy of the runs of a data set over time."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from sightline.experiments.history import Entry
from sightline.reporting.figures import lettering
from sightline.reporting.figures.canvas import (
    BLUE,
    GREY,
    INK,
    LITERAL,
    ORANGE,
    blank,
    percentages,
    plain,
    save,
)
from sightline.storage import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Blue, orange, bluish green, purple, dark grey: Okabe and Ito's, dark enough for thin lines
_COLOURS = (BLUE, ORANGE, "#007A5A", "#9B4F8E", "#4A4A4A")
# Not as many as colours, so that forty recipes differ in colour or marker
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_PANEL_HEIGHT, _FOOT = 3.3, 0.3
_MOST_TICKS = 8
_FEW_RUNS = 40  # Beyond this many runs, markers and lines are smaller
_LONGEST_TITLE, _LONGEST_NAME = 4.2, 1.7  # Inches
_LEGEND_WIDTH, _HANDLE_WIDTH = 105, 7  # In letters: the legend, and the handle before a name
_PALETTE = 128  # Colours of the file, which makes it three times smaller: each run keeps one
_Style = tuple[str, str]  # Colour and marker
_DEVIATIONS = 2  # Half the height of the band in standard deviations: about 95 % of all seeds


def draw_accuracy_history(path: Path, histories: Mapping[str, Sequence[Entry]]) -> None:
    """Draw the accuracy of runs with its interval, evenly spaced, one panel per data set.

    Each data set has at least one entry, the oldest first. Raises StorageError if the file cannot
    be written, or if the path exists and is not a file.
    """
    recipes = sorted({_recipe(entry) for entries in histories.values() for entry in entries})
    looks = zip(cycle(_COLOURS), cycle(_MARKERS), strict=False)
    styles = dict(zip(recipes, looks, strict=False))
    figure = blank(9, _PANEL_HEIGHT * len(histories) + _FOOT, layout="constrained")
    rows = figure.subplots(len(histories), 1, squeeze=False)[:, 0]
    for axes, (dataset, entries) in zip(rows, histories.items(), strict=True):
        _draw_panel(axes, dataset, entries, styles)
    with files.new_output(path) as temporary:
        save(figure, temporary)
        with Image.open(temporary) as image:
            image.convert("RGB").quantize(_PALETTE).save(temporary, format="png")


def _recipe(entry: Entry) -> str:
    return entry.run.config.recipe


def _band(entry: Entry) -> tuple[float, float] | None:
    """Return mean and reach of the seed noise; None if it is unknown."""
    noise = entry.band.accuracy if entry.band else None
    return (noise.mean, _DEVIATIONS * noise.deviation) if noise else None


def _draw_panel(
    axes: "Axes", dataset: str, entries: Sequence[Entry], styles: Mapping[str, _Style]
) -> None:
    for recipe, style in styles.items():
        own = [(place, entry) for place, entry in enumerate(entries) if _recipe(entry) == recipe]
        if own:
            _draw_bands(axes, own, style)
            _draw_runs(axes, own, style, len(entries))
    _label_time(axes, [entry.run.created.astimezone(UTC) for entry in entries])
    _show_legend(axes)
    axes.set_xlim(-0.8, len(entries) - 0.2)
    axes.margins(y=0.08)
    percentages(axes.yaxis)
    axes.set_ylabel("test accuracy", fontsize=9)
    plain(axes)
    title = lettering.fitted(dataset, _LONGEST_TITLE, 11, "bold")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", **LITERAL)
    if any(_band(entry) for entry in entries):
        noise = "shaded: seed noise, mean ± 2 standard deviations"
        axes.set_title(noise, loc="right", fontsize=9, color=GREY)


def _draw_bands(axes: "Axes", own: Sequence[tuple[int, Entry]], style: _Style) -> None:
    """Shade the seed noise from the first to the last run in a row that shares it."""
    for band, group in groupby(own, key=lambda placed: _band(placed[1])):
        if band is None:
            continue
        places = [place for place, _ in group]
        (mean, reach), ends = band, (places[0] - 0.5, places[-1] + 0.5)
        low, high = max(0.0, mean - reach), min(1.0, mean + reach)
        axes.fill_between(ends, low, high, color=style[0], alpha=0.14, linewidth=0)
        axes.hlines(mean, *ends, color=style[0], linewidth=0.8, linestyle=(0, (4, 3)))


def _draw_runs(axes: "Axes", own: Sequence[tuple[int, Entry]], style: _Style, runs: int) -> None:
    colour, marker = style
    size = 1.0 if runs <= _FEW_RUNS else 0.6
    measured = [entry.run.records.evaluate for _, entry in own]
    accuracies = [one.accuracy for one in measured]
    intervals = [one.accuracy_interval for one in measured]
    name = lettering.fitted(_recipe(own[0][1]), _LONGEST_NAME, 9)
    axes.errorbar(
        [place for place, _ in own],
        accuracies,
        yerr=[
            [max(0.0, one - low) for one, (low, _) in zip(accuracies, intervals, strict=True)],
            [max(0.0, high - one) for one, (_, high) in zip(accuracies, intervals, strict=True)],
        ],
        color=colour,
        marker=marker,
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
    """Write the dates of some runs, or their times if all are of the same day."""
    first = times[0].date()
    what, form = "date", "%Y-%m-%d"
    if first == times[-1].date():
        what, form = f"time on {first}", "%H:%M"
    places = range(0, len(times), math.ceil(len(times) / _MOST_TICKS))
    axes.set_xticks(places, [f"{times[place]:{form}}" for place in places])
    axes.set_xlabel(f"runs ({what}, UTC)", fontsize=9, color=INK)
