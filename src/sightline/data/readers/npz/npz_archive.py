"""The arrays of an untrusted `.npz` archive: headers first, then rows in blocks."""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sightline.data.readers.base import check_count, rows_in_block
from sightline.data.readers.npz import npy
from sightline.data.remote.remote_path import as_input
from sightline.errors import DataError
from sightline.storage.text import quoted

_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, OverflowError),
    ValueError,  # names that are not UTF-8, offsets before the start of the file
)
_MOST_FORTRAN_BYTES = 256 << 20  # Rows do not lie together, so that all are read at once
_END_RECORD = struct.Struct("<4s6xH10x")  # of a zip file without a comment


@dataclass(frozen=True)
class Array:
    """An array of an archive, as its header describes it."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool = False

    @property
    def subject(self) -> str:
        """File and name, for an error."""
        return f"{self.path}, {self.name}"

    @property
    def row_bytes(self) -> int:
        """Size of one example in bytes."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def check_dtype(self, kinds: str, expected: str) -> None:
        """Raise DataError unless the dtype is of one of the `kinds`, which `expected` names."""
        if self.dtype.kind not in kinds:
            raise DataError(f"{self.subject}: expected {expected}, found {quoted(self.dtype)}.")


def array_names(path: Path) -> set[str]:
    """Return the names of all arrays; raise DataError for a damaged archive."""
    with _reading(path), zipfile.ZipFile(as_input(path)) as archive:
        members = archive.namelist()
        with path.open("rb") as file:
            file.seek(-_END_RECORD.size, io.SEEK_END)
            signature, stated = _END_RECORD.unpack(file.read(_END_RECORD.size))
        if signature == b"PK\x05\x06" and stated != len(members):  # some would be hidden
            problem = f"its directory states {stated} members but lists {len(members)}"
            raise zipfile.BadZipFile(problem)
        return {name.removesuffix(".npy") for name in members}


def open_array(path: Path, name: str, names: set[str], max_row_bytes: int) -> Array:
    """Read and check an array's header before anything is allocated.

    Raises DataError if it is not among the `names` of the archive, or unfit.
    """
    if name not in names:
        raise DataError(
            f"{path} lacks the array {quoted(name)}; expected x_train and y_train, or train_images "
            "and train_labels, and such arrays of the other splits if there are any, found "
            f"{quoted(', '.join(sorted(names))) or 'none'}."
        )
    with _reading(path), _open(path, name) as (stream, stated_bytes):
        shape, fortran_order, dtype = npy.read_untrusted_header(stream, f"{path}, {name}")
    array = Array(path, name, shape, dtype, fortran_order and len(shape) > 1)
    if dtype.hasobject:
        raise DataError(
            f"{array.subject} contains pickled Python objects, which are never loaded; save it as "
            "plain integers or strings."
        )
    _check_size(array, stated_bytes, max_row_bytes)
    if array.fortran_order and array.shape[0] * array.row_bytes > _MOST_FORTRAN_BYTES:
        raise DataError(
            f"{array.subject} is in Fortran order, which is only read up to 256 MiB; save "
            f"np.ascontiguousarray({name}) instead."
        )
    return array


def _check_size(array: Array, stated_bytes: int, max_row_bytes: int) -> None:
    check_count(array.subject, next(iter(array.shape), 0))
    described = f"{quoted(array.shape)} of {quoted(array.dtype)}"
    if not array.dtype.itemsize:
        raise DataError(f"{array.subject}: its values have no bytes ({described}).")
    if min(array.shape) < 0 or array.shape[0] * array.row_bytes > stated_bytes:
        raise DataError(
            f"{array.subject}: its header states {described}, more than the archive contains."
        )
    if array.row_bytes > max_row_bytes:
        raise DataError(
            f"{array.subject}: expected at most {max_row_bytes:,} bytes per example, found "
            f"{array.row_bytes:,} ({described})."
        )


def blocks(array: Array) -> Iterator[NDArray[Any]]:
    """Yield an array's rows in blocks, to the end so that its checksum is verified."""
    rows = rows_in_block(max(1, array.row_bytes))
    with _reading(array.path), _open(array.path, array.name) as (stream, _):
        npy.read_untrusted_header(stream, array.subject)
        if array.fortran_order:
            whole = next(npy.read_rows(stream, array.dtype, array.shape[::-1], array.shape[-1])).T
            yield from (whole[first : first + rows] for first in range(0, len(whole), rows))
        else:
            yield from npy.read_rows(stream, array.dtype, array.shape, rows)
        if stream.read(1):
            raise EOFError(f"{array.name} continues after its last row")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _ZIP_ERRORS as error:
        raise DataError(
            f"{path} cannot be read as an .npz archive ({quoted(error)}); get a fresh copy."
        ) from None


@contextmanager
def _open(path: Path, name: str) -> Iterator[tuple[zipfile.ZipExtFile, int]]:
    """Open an array; yield the stream and its stated size in bytes."""
    with zipfile.ZipFile(as_input(path)) as archive:
        info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise zipfile.BadZipFile(f"{name} uses a compression that NumPy never writes")
        with cast("zipfile.ZipExtFile", archive.open(info)) as stream:
            yield stream, info.file_size
