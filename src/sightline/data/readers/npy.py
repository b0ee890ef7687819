"""Read the header of an untrusted NPY array."""

import zipfile
import zlib
from io import BufferedReader

import numpy as np

from sightline.errors import DataError
from sightline.storage.text import quoted

Header = tuple[tuple[int, ...], bool, "np.dtype[np.generic]"]
"""Shape, whether the array is in Fortran order, and dtype."""

_LENGTH_BYTES = 4  # the size of the header's length field from version 2
_MAX_HEADER_BYTES = 10_000  # NumPy's limit, which it checks only after reading the header


def read_untrusted_header(stream: zipfile.ZipExtFile | BufferedReader, subject: str) -> Header:
    """Read a header and report any parser error as ours.

    Args:
        stream: At the first byte of the array; left at the first byte of its values.
        subject: File or array to name in an error.

    Raises:
        DataError: This is not the header of an NPY array.
        BadZipFile, zlib.error, EOFError: As raised by the stream.
    """
    try:
        return read_header(stream)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise
    except Exception as error:  # NumPy parses the header as Python, which can raise anything
        reason = quoted(error).rstrip(".") or type(error).__name__
        raise DataError(f"{subject} is not an NPY array: {reason}.") from None


def read_header(stream: zipfile.ZipExtFile | BufferedReader) -> Header:
    """Read a header that `read_untrusted_header` accepted before."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version not in {(2, 0), (3, 0)}:
        raise ValueError(f"unknown version {version}")
    stated = int.from_bytes(stream.peek(_LENGTH_BYTES)[:_LENGTH_BYTES], "little")
    if stated > _MAX_HEADER_BYTES:
        raise ValueError(f"its header states {stated:,} bytes")
    return np.lib.format.read_array_header_2_0(stream)
