"""Images in an NPY file, read block by block.

Not through a memory map: its pages would count as the process's own, and a file that gets shorter
meanwhile would kill the process.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers import content, npy
from sightline.data.readers.base import MAX_IMAGE_BYTES
from sightline.errors import DataError
from sightline.storage.text import quoted

_GREY_DIMENSIONS, _DIMENSIONS = 3, 4
_CHANNELS = (1, 3)
_EXPECTED = "uint8 of shape (n, height, width), (n, height, width, 1) or (n, height, width, 3)"


@dataclass(frozen=True)
class ArrayHeader:
    """Where the images of an NPY file are.

    Attributes:
        path: The file.
        shape: Number, height, width and channels (1 or 3) of the images.
        start: Bytes before the first image.
    """

    path: Path
    shape: tuple[int, int, int, int]
    start: int

    @property
    def image_bytes(self) -> int:
        """Size of one image in bytes."""
        return math.prod(self.shape[1:])


def read_header(path: Path) -> ArrayHeader:
    """Read and check the header of an NPY file.

    Args:
        path: uint8 images, pixel values 0 to 255.

    Raises:
        DataError: It is damaged, pickled, of another type or shape, or states another number of
            bytes than there are.
    """
    content.check_head(path)
    try:
        with path.open("rb") as file:
            shape, fortran_order, dtype = npy.read_untrusted_header(file, str(path))
            start, size = file.tell(), os.fstat(file.fileno()).st_size
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({quoted(error)}).") from None
    _check_kind(path, shape, fortran_order, dtype)
    images = (*shape, 1) if len(shape) == _GREY_DIMENSIONS else shape
    header = ArrayHeader(path, (images[0], images[1], images[2], images[3]), start)
    stated = start + math.prod(header.shape)
    if stated != size:
        raise DataError(
            f"{path} has {size:,} bytes, expected {stated:,} for {quoted(shape)} of uint8; get a "
            "fresh copy of it."
        )
    return header


def read_images(header: ArrayHeader, descriptor: int, first: int, count: int) -> NDArray[np.uint8]:
    """Read some images; several threads may do so at once.

    Args:
        header: What `read_header` returned.
        descriptor: The open file.
        first: Number of the first image, counted from 0.
        count: How many.

    Returns:
        uint8 array of shape (count, height, width, channels).

    Raises:
        DataError: The file ends before them.
    """
    images = np.empty((count, *header.shape[1:]), dtype=np.uint8)
    left = images.data.cast("B")
    place = header.start + first * header.image_bytes
    while left:
        read = os.preadv(descriptor, [left], place)
        if not read:
            raise DataError(f"{header.path} became shorter while it was read; run again.")
        left, place = left[read:], place + read
    return images


def _check_kind(
    path: Path, shape: tuple[int, ...], fortran_order: bool, dtype: np.dtype[np.generic]
) -> None:
    if dtype != np.uint8:
        raise DataError(
            f"{path}: expected {_EXPECTED}, found {quoted(dtype)}; scale the pixels to 0 to 255, "
            "round them and save them as uint8."
        )
    grey = len(shape) == _GREY_DIMENSIONS
    fits = grey or (len(shape) == _DIMENSIONS and shape[-1] in _CHANNELS)
    if not fits or min(shape) < 1 or math.prod(shape[1:]) > MAX_IMAGE_BYTES:
        raise DataError(f"{path}: expected {_EXPECTED}, found the shape {quoted(shape)}.")
    if grey and shape[-1] <= _DIMENSIONS:
        raise DataError(
            f"{path}: the shape {quoted(shape)} looks like one image; save it as images[None]."
        )
    if fortran_order:
        raise DataError(f"{path} is stored in Fortran order; save np.ascontiguousarray(images).")
