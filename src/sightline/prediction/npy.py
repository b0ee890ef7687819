"""Read images from an NPY file block by block.

Not through a memory map: its pages would count as memory of the process, and a file that shrinks
while it is read would kill the process.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers import content
from sightline.data.readers.npz import npy
from sightline.data.readers.pixel_layout import PixelLayout
from sightline.errors import DataError
from sightline.storage.text import quoted

_MOST_CHANNELS = 4


@dataclass(frozen=True)
class ArrayHeader:
    """The images of an NPY file."""

    path: Path  # The file
    shape: tuple[int, int, int, int]  # Number, height, width and channels (1 or 3) of the images
    start: int  # Bytes before the first image
    channels_first: bool = False

    @property
    def image_bytes(self) -> int:
        """Size of one image in bytes."""
        return math.prod(self.shape[1:])


def read_header(path: Path) -> ArrayHeader:
    """Read and check the header of an NPY file with uint8 images.

    Raises DataError if the file is damaged, pickled, of another type or shape, or does not have the
    size that its header states.
    """
    content.check_head(path)
    try:
        with path.open("rb") as file:
            shape, fortran_order, dtype = npy.read_untrusted_header(file, str(path))
            start, size = file.tell(), file.seek(0, os.SEEK_END)
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({quoted(error)}).") from None
    if dtype != np.uint8:
        raise DataError(
            f"{path}: expected uint8, found {quoted(dtype)}; scale the pixels to 0 to 255, round "
            "them and save them as uint8."
        )
    image_shape = npy.image_shape(str(path), shape)
    if shape[-1] <= _MOST_CHANNELS and shape[-1] != image_shape[-1]:
        raise DataError(
            f"{path}: the shape {quoted(shape)} looks like one image; save it as images[None]."
        )
    if fortran_order:
        raise DataError(f"{path} is in Fortran order; save np.ascontiguousarray(images).")
    stated = start + math.prod(shape)
    if stated != size:
        raise DataError(
            f"{path} has {size:,} bytes, expected {stated:,} for {quoted(shape)} of uint8; get a "
            "fresh copy."
        )
    return ArrayHeader(path, (shape[0], *image_shape), start, npy.is_channels_first(shape))


def read_blocks(header: ArrayHeader, rows: int) -> Iterator[NDArray[np.uint8]]:
    """Read the images in order, some rows at a time, as uint8 (m, height, width, channels).

    Raises DataError if the file ends early.
    """
    with header.path.open("rb") as file:
        file.seek(header.start)
        try:
            blocks = npy.read_rows(file, np.dtype(np.uint8), header.shape, rows)
            yield from PixelLayout(header.shape[1:], header.channels_first).arrange(blocks)
        except EOFError:
            raise DataError(f"{header.path} became shorter while it was read; run again.") from None
