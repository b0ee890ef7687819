"""Read an untrusted NPY array."""

import math
import sys
import zipfile
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import MAX_IMAGE_BYTES, Shape
from sightline.errors import DataError
from sightline.storage.text import quoted

Stream = zipfile.ZipExtFile | BufferedReader
Header = tuple[tuple[int, ...], bool, "np.dtype[np.generic]"]
"""Shape, whether the array is in Fortran order, and dtype."""

_GREY_DIMENSIONS = 3
_CHANNELS = frozenset({1, 3})
_SURROGATES = 0xD800
_LENGTH_BYTES = 4  # the size of the header's length field from version 2
_MAX_HEADER_BYTES = 10_000  # NumPy's limit, which it checks only after reading the header


def read_untrusted_header(stream: Stream, subject: str) -> Header:
    """Read a header; leave the stream at the first byte of the values.

    Raises DataError for any parser error; BadZipFile, zlib.error and EOFError of the stream pass.
    """
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(stream)
        if version not in {(2, 0), (3, 0)}:
            raise ValueError(f"unknown version {version}")
        stated = int.from_bytes(stream.peek(_LENGTH_BYTES)[:_LENGTH_BYTES], "little")
        if stated > _MAX_HEADER_BYTES:
            raise ValueError(f"its header states {stated:,} bytes")
        return np.lib.format.read_array_header_2_0(stream)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise
    except Exception as error:  # NumPy parses the header as Python, which can raise anything
        reason = quoted(error).rstrip(".") or type(error).__name__
        raise DataError(f"{subject} is not an NPY array: {reason}.") from None


def image_shape(subject: str, shape: tuple[int, ...]) -> Shape:
    """Return height, width and channels of the images in an array of a supported shape."""
    found = (*shape[1:], 1) if len(shape) == _GREY_DIMENSIONS else shape[1:]
    if is_channels_first(shape):
        found = (*shape[2:], shape[1])
    match found:
        case (height, width, 1 | 3 as channels) if (
            min(shape) > 0 and math.prod(found) <= MAX_IMAGE_BYTES
        ):
            return height, width, channels
    raise DataError(
        f"{subject}: expected the shape (n, height, width) or (n, height, width, channels) with 1 "
        f"or 3 channels, which may also come first, found the shape {quoted(shape)}."
    )


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """Return whether the shape is (n, channels, height, width) with 1 or 3 channels."""
    return (
        len(shape) == _GREY_DIMENSIONS + 1 and shape[1] in _CHANNELS and shape[-1] not in _CHANNELS
    )


def read_rows(
    stream: Stream, dtype: "np.dtype[Any]", shape: tuple[int, ...], rows: int
) -> Iterator[NDArray[Any]]:
    """Read an array in order, some rows at a time; raise EOFError if it ends early."""
    row_bytes = math.prod(shape[1:]) * dtype.itemsize
    for first in range(0, shape[0], rows):
        count = min(rows, shape[0] - first)
        data = stream.read(count * row_bytes)
        if len(data) < count * row_bytes:
            raise EOFError("the array ends early")
        yield np.frombuffer(data, dtype).reshape(count, *shape[1:])


def check_text(strings: NDArray[np.str_], subject: str, first_row: int) -> None:
    """Refuse code points that are not characters, which NumPy cannot turn into Python strings."""
    points = strings.view(np.uint32).reshape(len(strings), -1)
    surrogate = points & ~np.uint32(0x7FF) == _SURROGATES  # 0xD800 to 0xDFFF
    wrong = (surrogate | (points > sys.maxunicode)).any(axis=1)
    if wrong.any():
        raise DataError(
            f"{subject}, row {first_row + int(wrong.argmax())} (counted from 0): the label is not "
            "valid Unicode; save the labels again."
        )
