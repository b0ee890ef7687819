"""Decode JPEG faster than Pillow."""

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile
from simplejpeg import decode_jpeg

_END = b"\xff\xd9"


def decode(image: ImageFile, content: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG in half the time that Pillow takes, to the same pixels.

    Returns uint8 of shape (height, width, channels) as stored; None if the image has another
    format or is unusual.
    """
    colors = {"L": "GRAY", "RGB": "RGB"}.get(image.mode)
    if image.format != "JPEG" or colors is None:
        return None
    width, height = image.size
    # A file that lacks just its end mark is complete; within its pixels, the mark is an error.
    for data in (content, content + _END):
        with suppress(ValueError):  # Pillow reads more, or says what is wrong
            pixels: NDArray[np.uint8] = decode_jpeg(
                data, colors, min_height=height, min_width=width
            )
            return pixels if pixels.shape[:2] == (height, width) else None
    return None
