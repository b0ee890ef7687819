"""Which pixels speak for a wrong class."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.figures.canvas import BLUE, GREY, INK, LITERAL, ORANGE, blank, save, shorten
from sightline.figures.grid import Images
from sightline.records import Mistake

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Maps = NDArray[np.float32]

_COLUMNS, _WIDTH, _WORDS, _FRAME = 4, 2.3, 0.5, 1.1
"""Mistakes a row; inches: width of one, height of its words, of title and scale."""

_FULL_COLOUR = 99.5
"""Percentile of the values that gets the full colour; beyond, all look alike."""

_FAINT = 0.78
"""Grey of a black pixel below a map; white stays white."""


def draw_saliency(path: Path, images: Images, maps: Maps, mistakes: Sequence[Mistake]) -> None:
    """Draw each image and, beside it, how much each pixel adds to the predicted class.

    Orange pixels speak for that class, blue ones against it; all maps share one scale.

    Args:
        path: PNG to write.
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        maps: float32 array of shape (m, height, width), in units of probability.
        mistakes: One for each image.
    """
    rows = math.ceil(len(images) / _COLUMNS)
    columns = min(_COLUMNS, max(len(images), 2))
    limit = float(np.percentile(np.abs(maps), _FULL_COLOUR)) or 1.0
    pairs = [_beside(image, values / limit) for image, values in zip(images, maps, strict=True)]
    height = _WIDTH * float(np.clip(pairs[0].shape[0] / pairs[0].shape[1], 0.2, 2.0))
    figure = blank(columns * _WIDTH, rows * (height + _WORDS) + _FRAME, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    _draw_pairs(grid, pairs, mistakes)
    title = "What speaks for the wrong class: label → prediction, its probability"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    _draw_scale(figure, grid, limit)
    save(figure, path)


def _draw_pairs(grid: NDArray[Any], pairs: Sequence[Images], mistakes: Sequence[Mistake]) -> None:
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, pair, mistake in zip(grid.flat, pairs, mistakes, strict=False):
        axes.imshow(pair)
        names = f"{shorten(mistake.label, 14)} → {shorten(mistake.predicted, 14)}"
        axes.set_xlabel(f"{names}\n{mistake.probability:.1%}", fontsize=8.5, color=INK, **LITERAL)


def _beside(image: Images, values: Maps) -> Images:
    """Put an image and its map, whose full colours are -1 and 1, side by side as RGB."""
    height, width = values.shape
    faint = _FAINT + (1 - _FAINT) * image.mean(axis=-1, keepdims=True) / 255
    colour = np.where(values[..., np.newaxis] > 0, _rgb(ORANGE), _rgb(BLUE))
    strength = np.minimum(np.abs(values), 1)[..., np.newaxis]
    shown = 255 * ((1 - strength) * faint + strength * colour)
    gap = np.full((height, math.ceil(width / 20), 3), 255)
    plain = np.broadcast_to(image, (height, width, 3))
    return np.concatenate([plain, gap, np.rint(shown)], axis=1).astype(np.uint8)


def _rgb(colour: str) -> NDArray[np.float64]:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(colour))


def _draw_scale(figure: "Figure", grid: NDArray[Any], limit: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("against and for", [BLUE, "white", ORANGE])
    scale = ScalarMappable(Normalize(-limit, limit), colours)
    bar = figure.colorbar(scale, ax=grid, location="bottom", aspect=45, shrink=0.7, pad=0.02)
    bar.ax.tick_params(labelsize=8)
    bar.set_label(
        "what a pixel adds to the probability of the predicted class "
        "(blue: against it, orange: for it)",
        fontsize=9,
    )
    bar.outline.set_edgecolor(GREY)
