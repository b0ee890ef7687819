"""One image as a small WebP."""

import math
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Size(NamedTuple):
    """The least and the most pixels of the longer side."""

    least: int
    most: int


LARGE, SMALL = Size(96, 190), Size(56, 72)


def write_thumbnail(path: Path | BinaryIO, image: NDArray[np.uint8], size: Size = LARGE) -> None:
    """Write one image; small ones are enlarged by a whole factor and keep all pixels.

    Args:
        path: WebP to write, or an open file.
        image: uint8 array of shape (height, width, channels).
        size: Bounds of its longer side.
    """
    shown = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    longest = max(shown.size)
    is_large = longest > size.most
    if is_large:
        shown.thumbnail((size.most, size.most))
    else:
        factor = math.ceil(size.least / longest)
        sides = (shown.width * factor, shown.height * factor)
        shown = shown.resize(sides, Image.Resampling.NEAREST)
    shown.save(path, format="WEBP", lossless=not is_large)
