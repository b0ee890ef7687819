"""Streams the arrays of an `.npz` archive, checked as far as its format allows."""

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

from sightline.data.readers import npy
from sightline.data.readers.base import check_count, rows_in_block
from sightline.errors import DataError
from sightline.storage.text import quoted

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # names that are no UTF-8, offsets in front of the file
    OverflowError,
)
_END_RECORD = struct.Struct("<4s6xH10x")  # of a zip file without a comment
_END_SIGNATURE = b"PK\x05\x06"
_EXPECTED = "x_train and y_train, and x_test and y_test where there is a test split"


@dataclass(frozen=True)
class Member:
    """One array inside of an archive, as its header describes it.

    Attributes:
        path: The archive.
        name: Name of the array, without `.npy`.
        shape: Its shape, of at least one dimension.
        dtype: Its type; never Python objects.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def subject(self) -> str:
        """Archive and array, to be named in an error."""
        return f"{self.path}, {self.name}"

    @property
    def row_bytes(self) -> int:
        """Size of one example in bytes."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def array_names(path: Path) -> set[str]:
    """Return the names of an archive's arrays.

    Raises:
        DataError: It is damaged or no archive at all.
    """
    with _readable(path), zipfile.ZipFile(path) as archive:
        _check_directory(path, len(archive.infolist()))
        return {name.removesuffix(".npy") for name in archive.namelist()}


def find_member(path: Path, name: str, names: set[str], max_row_bytes: int) -> Member:
    """Read the header of an array and check it before anything is allocated.

    Args:
        path: The archive.
        name: Name of the array.
        names: Names of all its arrays.
        max_row_bytes: Refuse examples that are larger than this, in bytes.

    Raises:
        DataError: The array is missing, pickled, in Fortran order or of an absurd size.
    """
    if name not in names:
        raise DataError(
            f"{path} lacks the array {name}; expected {_EXPECTED}, found "
            f"{quoted(', '.join(sorted(names))) or 'nothing'}."
        )
    with _readable(path), _opened(path, name) as (stream, stated_bytes):
        shape, fortran_order, dtype = npy.checked(stream, f"{path}, {name}")
    member = Member(path, name, shape, dtype)
    _check_kind(member, fortran_order)
    _check_size(member, stated_bytes, max_row_bytes)
    return member


def blocks(member: Member) -> Iterator[NDArray[Any]]:
    """Yield an array's rows in blocks, reading to the end so that its checksum is compared."""
    left = member.shape[0]
    with _readable(member.path), _opened(member.path, member.name) as (stream, _):
        npy.read(stream)
        while left:
            count = min(left, rows_in_block(max(1, member.row_bytes)))
            data = stream.read(count * member.row_bytes)
            if len(data) < count * member.row_bytes:
                raise EOFError(f"{member.name} ends early")
            yield np.frombuffer(data, member.dtype).reshape(count, *member.shape[1:])
            left -= count
        if stream.read(1):
            raise EOFError(f"{member.name} goes on after its last row")


def _check_kind(member: Member, fortran_order: bool) -> None:
    if member.dtype.hasobject:
        raise DataError(
            f"{member.subject} holds pickled Python objects, which are never loaded; save it as "
            "plain integers or strings."
        )
    if fortran_order and len(member.shape) > 1:
        raise DataError(
            f"{member.subject} is stored in Fortran order; save "
            f"np.ascontiguousarray({member.name})."
        )


def _check_size(member: Member, stated_bytes: int, max_row_bytes: int) -> None:
    check_count(member.subject, member.shape[0] if member.shape else 0)
    described = f"{quoted(member.shape)} of {quoted(member.dtype)}"
    if not member.dtype.itemsize:
        raise DataError(f"{member.subject}: its values take no bytes ({described}).")
    if min(member.shape) < 0 or member.shape[0] * member.row_bytes > stated_bytes:
        raise DataError(
            f"{member.subject}: its header states {described}, more than the archive holds."
        )
    if member.row_bytes > max_row_bytes:
        raise DataError(
            f"{member.subject}: expected at most {max_row_bytes:,} bytes an example, found "
            f"{member.row_bytes:,} ({described})."
        )


def _check_directory(path: Path, found: int) -> None:
    """Notice members that a damaged directory hides: its last record states their number."""
    with path.open("rb") as file:
        file.seek(-_END_RECORD.size, io.SEEK_END)
        signature, stated = _END_RECORD.unpack(file.read(_END_RECORD.size))
    if signature == _END_SIGNATURE and stated != found:
        raise zipfile.BadZipFile(f"its directory states {stated} members and lists {found}")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise DataError(
            f"{path} cannot be read as an .npz archive ({quoted(error)}); get a fresh copy of it."
        ) from None


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[zipfile.ZipExtFile, int]]:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise zipfile.BadZipFile(f"{name} is compressed in a way that NumPy never uses")
        with cast("zipfile.ZipExtFile", archive.open(info)) as stream:
            yield stream, info.file_size
