"""Images in rows and columns with captions."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.records import Mistake
from sightline.reporting.figures.canvas import GREY, INK, LITERAL, ORANGE, blank, save, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sightline.data.validation.findings import Finding

Images = NDArray[np.uint8]

_TITLE, _MARGIN, _GAP, _LINE = 0.42, 0.15, 0.14, 0.165
"""Inches: height of the title, margin, gap between images, height of a caption's line."""

_GROUND = 221  # A light grey that black and white images stand out from
_FEWEST_COLUMNS = 4  # Leaves room for the title if there are few images


class Line(NamedTuple):
    """A line of a caption."""

    text: str
    colour: str = INK
    weight: str = "normal"


def draw_samples(
    path: Path, images: Images, labels: Sequence[str], title: str, columns: int = 8
) -> None:
    """Draw a grid of images with their class names.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
    """
    captions = [[Line(shorten(label, 13))] for label in labels]
    save(draw_grid(images, captions, title, columns=columns, side=0.95), path)


def draw_mistakes(path: Path, images: Images, mistakes: Sequence[Mistake]) -> None:
    """Draw wrong predictions with true class, prediction and confidence.

    Args:
        images: uint8 array of shape (m, height, width, channels).
        mistakes: One per image; without any, the figure says so.
    """
    if not mistakes:
        figure = blank(6, 1.2)
        _write(figure, 3, 0.55, Line("No mistakes.", GREY), 10, "center")
        save(figure, path)
        return
    title = "Most confident mistakes: true class → prediction, confidence"
    captions = [caption(mistake) for mistake in mistakes]
    save(draw_grid(images, captions, title, columns=6, side=1.25), path)


def draw_label_errors(path: Path, images: Images, errors: Sequence[Mistake]) -> None:
    """Draw training images with possible label errors: label, prediction, confidence and index.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
    """
    captions = [[*caption(error), Line(f"index {error.index}", GREY)] for error in errors]
    title = "Possible label errors: label → prediction, confidence, index"
    save(draw_grid(images, captions, title, columns=6, side=1.25), path)


def caption(mistake: Mistake) -> list[Line]:
    """Return true class, prediction and confidence of a wrong prediction."""
    return [
        Line(shorten(mistake.label, 16), weight="bold"),
        Line(f"→ {shorten(mistake.predicted, 14)}", ORANGE),
        Line(f"{mistake.probability:.1%}", GREY),
    ]


def draw_findings(
    path: Path,
    found: Sequence["Finding"],
    images: Sequence[Sequence[Images]],
    class_names: Sequence[str],
    title: str = "Data quality findings",
) -> None:
    """Draw data quality findings, each beside the other image that is concerned, if any.

    Args:
        found: m findings, m at least 1.
        images: One or two uint8 arrays of shape (height, width, channels) per finding.
    """
    tiles = np.stack([_side_by_side(*pair) for pair in images])
    captions = [_finding_caption(finding, class_names) for finding in found]
    save(draw_grid(tiles, captions, title, columns=4, side=2), path)


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
    names = [shorten(class_names[place.label], 24 // len(places)) for place in places]
    return [
        Line(finding.kind.replace("_", " "), weight="bold"),
        Line(" | ".join(f"{place.split} {place.index}" for place in places), GREY),
        Line(" | ".join(names), INK if len(labels) == 1 else ORANGE),
    ]


def draw_grid(
    images: Images,
    captions: Sequence[Sequence[Line]],
    title: str,
    columns: int,
    side: float,
    foot: float = 0.0,
) -> "Figure":
    """Lay out a grid of images with a caption below each.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        captions: Lines of each image, equally many.
        columns: Images per row.
        side: Width of an image in inches.
        foot: Inches to leave free at the bottom.
    """
    columns = min(columns, max(len(images), _FEWEST_COLUMNS))
    rows = math.ceil(len(images) / columns)
    # Very tall or flat images still get a visible tile.
    height = side * float(np.clip(images.shape[1] / images.shape[2], 0.4, 2.5))
    pitch = height + _LINE * len(captions[0]) + _GAP
    width = columns * (side + _GAP) - _GAP + 2 * _MARGIN
    figure = blank(width, rows * pitch + _TITLE + _MARGIN + foot)
    _write(figure, _MARGIN, 0.13, Line(shorten(title, 80), weight="bold"), 11, "left")
    axes = _inches(figure)
    for number, (image, lines) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = _MARGIN + column * (side + _GAP), _TITLE + row * pitch
        grey = image[..., 0] if image.shape[-1] == 1 else image
        box = (left, left + side, top + height, top)
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=box, aspect="auto")
        for place, line in enumerate(lines):
            below = top + height + 0.04 + place * _LINE
            _write(figure, left + side / 2, below, line, 8.5, "center")
    return figure


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
