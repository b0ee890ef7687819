"""Stream the arrays of an `.npz` archive; nothing is ever unpickled."""

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
import pyarrow as pa
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers import content, labels, npy
from sightline.data.readers.base import (
    MAX_IMAGE_BYTES,
    RawDataset,
    RawSplit,
    Shape,
    check_count,
    raw_blocks,
    rows_in_block,
    to_pixels,
)
from sightline.data.split_names import find_splits
from sightline.errors import DataError
from sightline.storage.text import quoted

_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, OverflowError),
    ValueError,  # names that are not UTF-8, offsets before the start of the file
)
_END_RECORD = struct.Struct("<4s6xH10x")  # of a zip file without a comment
_MAX_LABEL_BYTES = 4 << 10


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read `x_train`, `y_train` and the arrays of other splits, such as `x_val` and `x_test`.

    Images have the shape (n, h, w), (n, h, w, 1) or (n, h, w, 3). Raises DataError if the archive
    is damaged or pickled, or an array is missing or has the wrong shape, dtype or values.
    """
    path = layout.files[UNSPLIT][0]
    content.check_head(path)
    names = _array_names(path)
    parts = sorted({name[2:] for name in names if name.startswith(("x_", "y_"))})
    splits = {"train": "train", **find_splits(path, parts)}
    images, found, shapes = [], [], set[Shape]()
    for name in splits.values():
        array = _find_array(path, f"x_{name}", names, MAX_IMAGE_BYTES)
        shapes.add(npy.image_shape(array.subject, array.shape))
        array.check_dtype("iuf", "integers from 0 to 255")
        images.append(array)
        found.append(_labels(_find_array(path, f"y_{name}", names, _MAX_LABEL_BYTES), array))
    if len(shapes) > 1:
        raise DataError(f"{path}: its splits differ in their image shape: {shapes}.")
    class_names, numbers = labels.encode(found)
    shape = shapes.pop()

    def split(name: str, array: _Array, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name if len(splits) > 1 else UNSPLIT,
            split_labels,
            images=lambda: raw_blocks(to_pixels(_blocks(array), array.subject, shape)),
            source=lambda row: f"{array.name}#{row}",
        )

    return RawDataset(class_names, shape, tuple(map(split, splits, images, numbers)), layout.notes)


@dataclass(frozen=True)
class _Array:
    """An array of the archive, as its header describes it."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def subject(self) -> str:
        return f"{self.path}, {self.name}"

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def check_dtype(self, kinds: str, expected: str) -> None:
        if self.dtype.kind not in kinds:
            raise DataError(f"{self.subject}: expected {expected}, found {quoted(self.dtype)}.")


def _labels(array: _Array, images: _Array) -> labels.FoundLabels:
    if array.shape[0] != images.shape[0]:
        raise DataError(
            f"{array.path}: {images.name} has {images.shape[0]:,} images, but {array.name} has "
            f"{array.shape[0]:,} labels."
        )
    if array.shape[1:] not in {(), (1,)}:
        raise DataError(
            f"{array.subject}: expected one label per image, of shape (n,) or (n, 1), found "
            f"{array.shape}; convert one-hot labels with .argmax(axis=1)."
        )
    array.check_dtype("iuU", "integers or strings as labels")
    native = array.dtype.newbyteorder("=")
    collector = labels.LabelCollector(array.subject)
    for block in _blocks(array):
        values = block.reshape(-1).astype(native)
        if native.kind == "U":
            npy.check_text(values, array.subject, collector.rows)
        collector.add(pa.array(values))
    return collector.found()


def _array_names(path: Path) -> set[str]:
    with _reading(path), zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        with path.open("rb") as file:
            file.seek(-_END_RECORD.size, io.SEEK_END)
            signature, stated = _END_RECORD.unpack(file.read(_END_RECORD.size))
        if signature == b"PK\x05\x06" and stated != len(members):  # some would be hidden
            problem = f"its directory states {stated} members but lists {len(members)}"
            raise zipfile.BadZipFile(problem)
        return {name.removesuffix(".npy") for name in members}


def _find_array(path: Path, name: str, names: set[str], max_row_bytes: int) -> _Array:
    """Read and check an array's header before anything is allocated."""
    if name not in names:
        raise DataError(
            f"{path} lacks the array {name}; expected x_train and y_train, and such arrays of the "
            f"other splits if there are any, found {quoted(', '.join(sorted(names))) or 'none'}."
        )
    with _reading(path), _open(path, name) as (stream, stated_bytes):
        shape, fortran_order, dtype = npy.read_untrusted_header(stream, f"{path}, {name}")
    array = _Array(path, name, shape, dtype)
    if dtype.hasobject:
        raise DataError(
            f"{array.subject} contains pickled Python objects, which are never loaded; save it as "
            "plain integers or strings."
        )
    if fortran_order and len(shape) > 1:
        raise DataError(
            f"{array.subject} is in Fortran order; save np.ascontiguousarray({name}) instead."
        )
    _check_size(array, stated_bytes, max_row_bytes)
    return array


def _check_size(array: _Array, stated_bytes: int, max_row_bytes: int) -> None:
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


def _blocks(array: _Array) -> Iterator[NDArray[Any]]:
    """Yield an array's rows in blocks, to the end so that its checksum is verified."""
    rows = rows_in_block(max(1, array.row_bytes))
    with _reading(array.path), _open(array.path, array.name) as (stream, _):
        npy.read_untrusted_header(stream, array.subject)
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
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise zipfile.BadZipFile(f"{name} uses a compression that NumPy never writes")
        with cast("zipfile.ZipExtFile", archive.open(info)) as stream:
            yield stream, info.file_size
