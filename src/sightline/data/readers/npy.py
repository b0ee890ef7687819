"""The header of an NPY array from outside, read without trusting it."""

import zipfile
import zlib
from io import BufferedReader

import numpy as np

from sightline.errors import DataError
from sightline.storage.text import quoted

Header = tuple[tuple[int, ...], bool, "np.dtype[np.generic]"]
"""Shape, whether it is in Fortran order, and type."""

_LENGTH_BYTES = 4  # of the length of an NPY array's header, from version 2
_MAX_HEADER_BYTES = 10_000  # as NumPy, which reads the header before it looks at its length


def checked(stream: zipfile.ZipExtFile | BufferedReader, subject: str) -> Header:
    """Read a header.

    Args:
        stream: At the array's first byte; left at the first byte of its values.
        subject: File or array to name in an error.

    Raises:
        DataError: That is no header of an NPY array.
        BadZipFile, zlib.error, EOFError, OSError: As the stream raised it.
    """
    try:
        return read(stream)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise
    except Exception as error:  # NumPy parses it as Python, whose parser raises whatever it likes
        reason = quoted(error).rstrip(".") or type(error).__name__
        raise DataError(f"{subject} is not an NPY array: {reason}.") from None


def read(stream: zipfile.ZipExtFile | BufferedReader) -> Header:
    """Read a header that was checked before; see `checked`."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version not in {(2, 0), (3, 0)}:
        raise ValueError(f"it is of version {version}, which is unknown")
    stated = int.from_bytes(stream.peek(_LENGTH_BYTES)[:_LENGTH_BYTES], "little")
    if stated > _MAX_HEADER_BYTES:
        raise ValueError(f"its header states {stated:,} bytes")
    return np.lib.format.read_array_header_2_0(stream)
