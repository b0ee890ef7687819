"""Images in rows and columns with captions."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.records import Mistake
from sightline.reporting.figures import lettering
from sightline.reporting.figures.canvas import GREY, INK, LITERAL, ORANGE, blank, save, save_both

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sightline.data.validation.findings import Finding

Images = NDArray[np.uint8]

_TITLE, _MARGIN, _GAP, _LINE = 0.42, 0.15, 0.14, 0.165
"""Inches: height of a title, margin, gap between images, height of a caption's line."""

_SIZE, _TITLE_SIZE = 8.5, 11  # Points of the font of a caption, and of a title

_GROUND = 221  # A light grey that black and white images stand out from
_FEWEST_COLUMNS = 4  # Leaves room for a title or a scale if there are few images


class Line(NamedTuple):
    """A line of a caption."""

    text: str
    colour: str = INK
    weight: str = "normal"


def draw_samples(path: Path, images: Images, labels: Sequence[str]) -> None:
    """Draw a grid of images with their class names.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
    """
    captions = [[Line(label)] for label in labels]
    save_both(draw_grid(images, captions, columns=8, side=0.95), path)


def draw_titled_samples(
    path: Path, images: Images, labels: Sequence[str], title: str, columns: int
) -> None:
    """Draw samples for a reader who has no page with a heading."""
    captions = [[Line(label)] for label in labels]
    save(draw_grid(images, captions, columns, side=0.95, title=title), path)


def draw_mistakes(path: Path, images: Images, mistakes: Sequence[Mistake]) -> None:
    """Draw wrong predictions with true class, prediction, confidence and file.

    Args:
        images: uint8 array of shape (m, height, width, channels).
        mistakes: One per image; without any, the figure says so.
    """
    if not mistakes:
        figure = blank(6, 1.2)
        _write(figure, 3, 0.55, Line("No mistakes.", GREY), 10, "center")
        save(figure, path)
        return
    captions = [[*caption(mistake), Line(mistake.image, GREY)] for mistake in mistakes]
    save(draw_grid(images, captions, columns=6, side=1.25), path)


def draw_label_errors(path: Path, images: Images, errors: Sequence[Mistake]) -> None:
    """Draw training images with possible label errors: label, prediction, confidence and file.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
    """
    captions = [[*caption(error), Line(error.image, GREY)] for error in errors]
    save_both(draw_grid(images, captions, columns=6, side=1.25), path)


def caption(mistake: Mistake) -> list[Line]:
    """Return true class, prediction and confidence of a wrong prediction."""
    return [
        Line(mistake.label, weight="bold"),
        Line(f"→ {mistake.predicted}", ORANGE),
        Line(f"{mistake.probability:.1%}", GREY),
    ]


def draw_findings(
    path: Path,
    found: Sequence["Finding"],
    images: Sequence[Sequence[Images]],
    class_names: Sequence[str],
) -> None:
    """Draw data quality findings, each beside the other image that is concerned, if any.

    Args:
        found: m findings, m at least 1.
        images: One or two uint8 arrays of shape (height, width, channels) per finding.
    """
    tiles = np.stack([_side_by_side(*pair) for pair in images])
    captions = [_finding_caption(finding, class_names) for finding in found]
    save_both(draw_grid(tiles, captions, columns=4, side=2), path)


def _side_by_side(image: Images, other: Images | None = None) -> Images:
    """Put two images side by side on grey, or one in the middle."""
    height, width, channels = image.shape
    gap = max(1, width // 14)
    tile = np.full((height + 2 * gap, 2 * width + 3 * gap, channels), _GROUND, dtype=np.uint8)
    inside = tile[gap:-gap, gap:-gap]
    if other is None:
        middle = (inside.shape[1] - width) // 2
        inside[:, middle : middle + width] = image
    else:
        inside[:, :width], inside[:, -width:] = image, other
    return tile


def _finding_caption(finding: "Finding", class_names: Sequence[str]) -> list[Line]:
    places = [place for place in (finding.image, finding.other) if place]
    labels = {place.label for place in places}
    names = [class_names[place.label] for place in places]
    return [
        Line(finding.kind.replace("_", " "), weight="bold"),
        Line(" | ".join(f"{place.split} {place.source}" for place in places), GREY),
        Line(" | ".join(names), INK if len(labels) == 1 else ORANGE),
    ]


def draw_grid(
    images: Images,
    captions: Sequence[Sequence[Line]],
    columns: int,
    side: float,
    foot: float = 0.0,
    title: str = "",
) -> "Figure":
    """Lay out a grid of images with a caption below each, whose lines are wrapped.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        captions: Lines of each image.
        columns: Images per row.
        side: Width of an image in inches.
        foot: Inches to leave free at the bottom.
        title: Heading of the figure.
    """
    columns = min(columns, max(len(images), _FEWEST_COLUMNS))
    # Very tall or flat images still get a visible tile.
    height = side * float(np.clip(images.shape[1] / images.shape[2], 0.4, 2.5))
    texts = [[part for line in lines for part in _wrapped(line, side)] for lines in captions]
    heights = [height + _LINE * max(map(len, row)) + _GAP for row in _rows(texts, columns)]
    top = _TITLE if title else _MARGIN
    width = columns * (side + _GAP) - _GAP + 2 * _MARGIN
    figure = blank(width, sum(heights) + top + _MARGIN + foot)
    if title:
        shown = lettering.fitted(title, width - 2 * _MARGIN, _TITLE_SIZE, "bold")
        _write(figure, _MARGIN, 0.13, Line(shown, weight="bold"), _TITLE_SIZE, "left")
    tops = [top, *(top + below for below in accumulate(heights))]
    axes = _inches(figure)
    for number, (image, lines) in enumerate(zip(images, texts, strict=True)):
        row, column = divmod(number, columns)
        left, bottom = _MARGIN + column * (side + _GAP), tops[row] + height
        grey = image[..., 0] if image.shape[-1] == 1 else image
        box = (left, left + side, bottom, tops[row])
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=box, aspect="auto")
        for place, line in enumerate(lines):
            below = bottom + 0.04 + place * _LINE
            _write(figure, left + side / 2, below, line, _SIZE, "center")
    return figure


def _rows(texts: Sequence[list[Line]], columns: int) -> list[Sequence[list[Line]]]:
    return [texts[start : start + columns] for start in range(0, len(texts), columns)]


def _wrapped(line: Line, side: float) -> list[Line]:
    parts = lettering.wrapped(line.text, side + _GAP / 2, _SIZE, line.weight)
    return [line._replace(text=part) for part in parts]


def _inches(figure: "Figure") -> "Axes":
    """Cover a figure with axes in inches from its upper left corner, for all images at once."""
    across, down = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, across), ylim=(down, 0))
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    return axes


def _write(figure: "Figure", left: float, top: float, line: Line, size: float, align: str) -> None:
    """Write a line; inches from the upper left corner."""
    across, down = figure.get_size_inches()
    style = {"color": line.colour, "fontweight": line.weight, "fontsize": size, **LITERAL}
    figure.text(left / across, 1 - top / down, line.text, ha=align, va="top", **style)
