"""One image as a small PNG."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Size(NamedTuple):
    """The least and the most pixels of the longer side, and the colors of the palette."""

    least: int
    most: int
    colors: int | None = None  # None: as many as the image has


LARGE, SMALL = Size(96, 190), Size(56, 72, 128)
"""With 128 colors, a small photograph takes half the bytes and looks the same."""


def write_thumbnail(path: Path, image: NDArray[np.uint8], size: Size = LARGE) -> None:
    """Write one image; small ones are enlarged by a whole factor, large ones reduced.

    Args:
        path: PNG to write.
        image: uint8 array of shape (height, width, channels).
        size: Bounds of its longer side.
    """
    shown = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    longest = max(shown.size)
    if longest > size.most:
        shown.thumbnail((size.most, size.most))
    else:
        factor = math.ceil(size.least / longest)
        sides = (shown.width * factor, shown.height * factor)
        shown = shown.resize(sides, Image.Resampling.NEAREST)
    if size.colors and shown.mode == "RGB":
        shown = shown.quantize(size.colors)
    shown.save(path, format="PNG")
