"""Images in rows and columns, each with words below it."""

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
"""Inches: height of the title, border, gap between images, height of a line of words."""

_GROUND = 221
"""A light grey, on which black and white images are seen alike."""

_FEWEST_COLUMNS = 4
"""Leaves room for the title where there are few images."""


class _Words(NamedTuple):
    """One line below an image."""

    text: str
    colour: str
    weight: str = "normal"


def draw_samples(path: Path, images: Images, labels: Sequence[str], title: str) -> None:
    """Draw a grid of images with their class names.

    Args:
        path: PNG to write.
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        labels: Class name of each image.
        title: Heading of the picture.
    """
    words = [[_Words(shorten(label, 13), INK)] for label in labels]
    _draw_grid(path, images, words, title, columns=8, side=0.95)


def draw_mistakes(path: Path, images: Images, mistakes: Sequence[Mistake]) -> None:
    """Draw wrong predictions with label, prediction and probability.

    Args:
        path: PNG to write.
        images: uint8 array of shape (m, height, width, channels).
        mistakes: One for each image; without any, the picture says so.
    """
    if not mistakes:
        _say(path, "No mistakes to show.")
        return
    title = "The surest mistakes: label → prediction, its probability"
    save(lay_out_mistakes(images, mistakes, title, columns=6, side=1.25), path)


def draw_label_errors(path: Path, images: Images, doubts: Sequence[Mistake]) -> None:
    """Draw training images whose label the model denies, with label, prediction and index.

    Args:
        path: PNG to write.
        images: uint8 array of shape (m, height, width, channels).
        doubts: One for each image; without any, the picture says so.
    """
    if not doubts:
        _say(path, "No label to doubt.")
        return
    words = [[*_describe(doubt), _Words(f"index {doubt.index}", GREY)] for doubt in doubts]
    title = "Doubtful labels of training images: label → prediction, its probability, index"
    _draw_grid(path, images, words, title, columns=6, side=1.25)


def lay_out_mistakes(
    images: Images,
    mistakes: Sequence[Mistake],
    title: str,
    columns: int,
    side: float,
    foot: float = 0.0,
) -> "Figure":
    """Lay out a grid of images with label, prediction and probability below each.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        mistakes: One for each image.
        title: Heading of the picture.
        columns: Images a row.
        side: Width of an image in inches.
        foot: Inches left free at the bottom.
    """
    words = [_describe(mistake) for mistake in mistakes]
    return _lay_out(images, words, title, columns, side, foot)


def _describe(mistake: Mistake) -> list[_Words]:
    return [
        _Words(shorten(mistake.label, 16), INK, "bold"),
        _Words(f"→ {shorten(mistake.predicted, 14)}", ORANGE),
        _Words(f"{mistake.probability:.1%}", GREY),
    ]


def _say(path: Path, sentence: str) -> None:
    figure = blank(6, 1.2)
    figure.text(0.5, 0.5, sentence, ha="center", va="center", color=GREY)
    save(figure, path)


def draw_findings(
    path: Path,
    found: Sequence["Finding"],
    images: Sequence[Sequence[Images]],
    class_names: Sequence[str],
) -> None:
    """Draw images that are odd, each beside the one that is the reason where there is one.

    Args:
        path: PNG to write.
        found: What is odd about m images, m at least 1.
        images: One or two uint8 arrays of shape (height, width, channels) a finding.
        class_names: Names in label order.
    """
    tiles = np.stack([_side_by_side(*pair) for pair in images])
    words = [_words_of(finding, class_names) for finding in found]
    _draw_grid(path, tiles, words, "Findings of the data gate", columns=4, side=2)


def _side_by_side(image: Images, other: Images | None = None) -> Images:
    """Put two images side by side on grey, or one into the middle."""
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


def _words_of(finding: "Finding", class_names: Sequence[str]) -> list[_Words]:
    places = [place for place in (finding.image, finding.other) if place]
    labels = {place.label for place in places}
    names = [shorten(class_names[place.label], 24 // len(places)) for place in places]
    return [
        _Words(finding.kind.replace("_", " "), INK, "bold"),
        _Words(" | ".join(f"{place.split} {place.index}" for place in places), GREY),
        _Words(" | ".join(names), INK if len(labels) == 1 else ORANGE),
    ]


def _draw_grid(
    path: Path,
    images: Images,
    words: Sequence[Sequence[_Words]],
    title: str,
    columns: int,
    side: float,
) -> None:
    save(_lay_out(images, words, title, columns, side), path)


def _lay_out(
    images: Images,
    words: Sequence[Sequence[_Words]],
    title: str,
    columns: int,
    side: float,
    foot: float = 0.0,
) -> "Figure":
    columns = min(columns, max(len(images), _FEWEST_COLUMNS))
    rows = math.ceil(len(images) / columns)
    # Very long or flat images still get a tile that they can be seen in.
    height = side * float(np.clip(images.shape[1] / images.shape[2], 0.4, 2.5))
    pitch = height + _LINE * len(words[0]) + _GAP
    width = columns * (side + _GAP) - _GAP + 2 * _MARGIN
    figure = blank(width, rows * pitch + _TITLE + _MARGIN + foot)
    _write(figure, _MARGIN, 0.13, shorten(title, 80), INK, "bold", 11, "left")
    for number, (image, lines) in enumerate(zip(images, words, strict=True)):
        row, column = divmod(number, columns)
        left, top = _MARGIN + column * (side + _GAP), _TITLE + row * pitch
        _show(_place(figure, left, top, side, height), image)
        for line, (text, colour, weight) in enumerate(lines):
            below = top + height + 0.04 + line * _LINE
            _write(figure, left + side / 2, below, text, colour, weight, 8.5, "center")
    return figure


def _place(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Add axes; inches from the upper left corner."""
    across, down = figure.get_size_inches()
    return figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )


def _show(axes: "Axes", image: Images) -> None:
    grey = image[..., 0] if image.shape[-1] == 1 else image
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _write(
    figure: "Figure",
    left: float,
    top: float,
    text: str,
    colour: str,
    weight: str,
    size: float,
    align: str,
) -> None:
    """Write one line; inches from the upper left corner."""
    across, down = figure.get_size_inches()
    figure.text(
        left / across,
        1 - top / down,
        text,
        color=colour,
        fontweight=weight,
        fontsize=size,
        ha=align,
        va="top",
        **LITERAL,
    )
