"""One image as a small PNG."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SMALLEST = 96
_LARGEST = 190


def write_thumbnail(path: Path, image: NDArray[np.uint8]) -> None:
    """Write one image; small ones are enlarged by a whole factor, large ones reduced.

    Args:
        path: PNG to write; its longer side is 96 to 190 pixels.
        image: uint8 array of shape (height, width, channels).
    """
    shown = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    longest = max(shown.size)
    if longest > _LARGEST:
        shown.thumbnail((_LARGEST, _LARGEST))
    else:
        factor = math.ceil(_SMALLEST / longest)
        size = (shown.width * factor, shown.height * factor)
        shown = shown.resize(size, Image.Resampling.NEAREST)
    shown.save(path, format="PNG", optimize=True)
