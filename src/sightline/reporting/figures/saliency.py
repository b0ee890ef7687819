"""Saliency maps of the most confident mistakes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.records import Mistake
from sightline.reporting.figures.canvas import BLUE, GREY, ORANGE, save_both
from sightline.reporting.figures.grid import Images, caption, draw_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Maps = NDArray[np.float32]

_COLUMNS, _WIDTH, _FOOT = 4, 2.1, 0.6
"""Mistakes per row; inches: width of an image with its map, height of the scale."""

_CELLS = 64  # Most cells along the longer side of a map; smaller ones are too small to see
_FULL_COLOUR = 99.5  # Percentile that has the full colour; larger values look the same
_FAINT = 0.78  # Grey of a black pixel under a map; white stays white


def draw_saliency(path: Path, images: Images, maps: Maps, mistakes: Sequence[Mistake]) -> None:
    """Draw each image beside a map of how much each part of it adds to the predicted class.

    Orange parts raise its probability or score, blue parts lower it; all maps share one scale.

    Args:
        images: uint8 array of shape (m, height, width, channels), m at least 1.
        maps: float32 array of shape (m, height, width), in units of probability, or of a smaller
            shape (m, rows, columns), in nats.
    """
    if maps.shape[1:] == images.shape[1:3]:
        side = math.ceil(max(maps.shape[1:]) / _CELLS)
        cells = _summed(maps, side)
        cell = "pixel" if side == 1 else f"{side}x{side} pixels"
        label, form = f"change in probability of the predicted class per {cell}", "{x:.1%}"
    else:
        cells = _enlarged(maps, images.shape[1:3])
        rows, columns = maps.shape[1:]
        label = f"contribution of each of {rows}x{columns} positions to the class score, in nats"
        form = "{x:.2g}"
    limit = float(np.percentile(np.abs(cells), _FULL_COLOUR)) or 1.0
    pairs = [_beside(image, values / limit) for image, values in zip(images, cells, strict=True)]
    captions = [caption(mistake) for mistake in mistakes]
    figure = draw_grid(np.stack(pairs), captions, _COLUMNS, _WIDTH, _FOOT)
    _draw_scale(figure, limit, f"{label} (orange: up, blue: down)", form)
    save_both(figure, path)


def _summed(maps: Maps, side: int) -> Maps:
    """Replace each pixel with the sum of its cell."""
    for axis, length in enumerate(maps.shape[1:], start=1):
        sums = np.add.reduceat(maps, np.arange(0, length, side), axis)
        maps = np.repeat(sums, side, axis).take(np.arange(length), axis)
    return maps


def _enlarged(maps: Maps, size: tuple[int, int]) -> Maps:
    """Interpolate between positions, to (m, *size)."""
    shown = [Image.fromarray(one).resize(size[::-1], Image.Resampling.BILINEAR) for one in maps]
    return np.stack([np.asarray(one, np.float32) for one in shown])


def _beside(image: Images, values: Maps) -> Images:
    """Put an image and its map, whose full colours are -1 and 1, side by side as RGB."""
    height, width = values.shape
    faint = _FAINT + (1 - _FAINT) * image.mean(axis=-1, keepdims=True) / 255
    colour = np.where(values[..., np.newaxis] > 0, _rgb(ORANGE), _rgb(BLUE))
    strength = np.minimum(np.abs(values), 1)[..., np.newaxis]
    shown = 255 * ((1 - strength) * faint + strength * colour)
    gap = np.full((height, math.ceil(width / 40), 3), 255)
    plain = np.broadcast_to(image, (height, width, 3))
    return np.concatenate([plain, gap, np.rint(shown)], axis=1).astype(np.uint8)


def _rgb(colour: str) -> NDArray[np.float64]:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(colour))


def _draw_scale(figure: "Figure", limit: float, label: str, form: str) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.ticker import StrMethodFormatter

    colours = LinearSegmentedColormap.from_list("down and up", [BLUE, "white", ORANGE])
    scale = ScalarMappable(Normalize(-limit, limit), colours)
    height = figure.get_size_inches()[1]
    axes = figure.add_axes((0.15, (_FOOT - 0.12) / height, 0.7, 0.12 / height))
    bar = figure.colorbar(
        scale, cax=axes, orientation="horizontal", format=StrMethodFormatter(form)
    )
    bar.ax.tick_params(labelsize=8)
    bar.set_label(label, fontsize=9)
    bar.outline.set_edgecolor(GREY)
