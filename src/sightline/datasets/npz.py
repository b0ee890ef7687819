"""Reads `.npz` archives member by member as a stream; nothing is ever unpickled."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.datasets import content, labels
from sightline.datasets.layout import WHOLE, Layout
from sightline.datasets.reading import (
    Blocks,
    Examples,
    Reading,
    check_count,
    exact_pixels,
    rows_in_block,
)
from sightline.errors import DataError

_MAX_IMAGE_BYTES = 64 << 20
_MAX_LABEL_BYTES = 4 << 10
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
_END_RECORD = struct.Struct("<4s6xH10x")  # of a zip file without a comment
_END_SIGNATURE = b"PK\x05\x06"
_GREY_DIMENSIONS, _COLOUR_DIMENSIONS = 3, 4
_EXPECTED = "x_train and y_train, and x_test and y_test where there is a test split"


@dataclass(frozen=True)
class _Member:
    """One array inside of an archive, as its header describes it."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def subject(self) -> str:
        return f"{self.path}, {self.name}"

    @property
    def row_bytes(self) -> int:
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize


def read(layout: Layout, settings: DataConfig) -> Reading:
    """Read `x_train, y_train, x_test, y_test`; without a test split the first two.

    Args:
        layout: The one file.
        settings: Not used.

    Returns:
        Images of shape (n, h, w), (n, h, w, 1) or (n, h, w, 3), grey or RGB.

    Raises:
        DataError: The archive is damaged or pickled, an array is missing or of a wrong shape
            or type, or a value is not a whole number from 0 to 255.
    """
    path = layout.files[WHOLE][0]
    content.check_head(path)
    names = _array_names(path)
    splits = ["train", "test"] if {"x_test", "y_test"} & names else ["train"]
    images, found = [], []
    for split in splits:
        images.append(_images(_member(path, f"x_{split}", names, _MAX_IMAGE_BYTES)))
        found.append(_labels(_member(path, f"y_{split}", names, _MAX_LABEL_BYTES)))
        if images[-1].shape[0] != len(found[-1].codes):
            raise DataError(
                f"{path}: x_{split} holds {images[-1].shape[0]:,} images, but y_{split} "
                f"{len(found[-1].codes):,} labels."
            )
    shapes = {_image_shape(member) for member in images}
    if len(shapes) > 1:
        raise DataError(f"{path}: x_train and x_test differ in their image shape: {shapes}.")
    class_names, numbers = labels.encode(found)
    examples = tuple(
        _examples(member, split_labels, split if len(splits) > 1 else WHOLE)
        for member, split_labels, split in zip(images, numbers, splits, strict=True)
    )
    return Reading(class_names, shapes.pop(), examples, layout.notes)


def _examples(member: _Member, split_labels: NDArray[np.int64], split: str) -> Examples:
    shape = _image_shape(member)

    def blocks() -> Blocks:
        row = 0
        for block in _blocks(member):
            yield exact_pixels(block, member.subject, row).reshape(len(block), *shape)
            row += len(block)

    return Examples(split, split_labels, blocks, lambda row: f"{member.name}#{row}")


def _array_names(path: Path) -> set[str]:
    with _readable(path), zipfile.ZipFile(path) as archive:
        _check_directory(path, len(archive.infolist()))
        return {name.removesuffix(".npy") for name in archive.namelist()}


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
            f"{path} cannot be read as an .npz archive ({error}); get a fresh copy of it."
        ) from None


def _member(path: Path, name: str, names: set[str], max_row_bytes: int) -> _Member:
    if name not in names:
        raise DataError(
            f"{path} lacks the array {name}; expected {_EXPECTED}, found "
            f"{', '.join(sorted(names)[:10]) or 'nothing'}."
        )
    with _readable(path), _opened(path, name) as (stream, stated_bytes):
        try:
            shape, fortran_order, dtype = _header(stream)
        except ValueError as error:
            raise DataError(f"{path}, {name} is not an NPY array: {error}.") from None
    member = _Member(path, name, shape, dtype)
    if dtype.hasobject:
        raise DataError(
            f"{member.subject} holds pickled Python objects, which are never loaded; save it as "
            "plain integers or strings."
        )
    if fortran_order and len(shape) > 1:
        raise DataError(
            f"{member.subject} is stored in Fortran order; save np.ascontiguousarray({name})."
        )
    check_count(member.subject, shape[0] if shape else 0)
    if shape[0] * member.row_bytes > stated_bytes:
        raise DataError(
            f"{member.subject}: its header states {shape} of {dtype}, more than the archive holds."
        )
    if member.row_bytes > max_row_bytes:
        raise DataError(
            f"{member.subject}: expected at most {max_row_bytes:,} bytes an example, found "
            f"{member.row_bytes:,} ({shape} of {dtype})."
        )
    return member


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise NotImplementedError(f"{name} is compressed in a way that NumPy never uses")
        with archive.open(info) as stream:
            yield stream, info.file_size


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _blocks(member: _Member) -> Iterator[NDArray[Any]]:
    """Yield an array's rows in blocks, reading to the end so that its checksum is compared."""
    left = member.shape[0]
    with _readable(member.path), _opened(member.path, member.name) as (stream, _):
        _header(stream)
        while left:
            count = min(left, rows_in_block(max(1, member.row_bytes)))
            data = stream.read(count * member.row_bytes)
            if len(data) < count * member.row_bytes:
                raise EOFError(f"{member.name} ends early")
            yield np.frombuffer(data, member.dtype).reshape(count, *member.shape[1:])
            left -= count
        if stream.read(1):
            raise EOFError(f"{member.name} goes on after its last row")


def _images(member: _Member) -> _Member:
    plain = len(member.shape) == _GREY_DIMENSIONS
    coloured = len(member.shape) == _COLOUR_DIMENSIONS and member.shape[-1] in (1, 3)
    if not (plain or coloured) or 0 in member.shape:
        raise DataError(
            f"{member.subject}: expected the shape (n, height, width), (n, height, width, 1) or "
            f"(n, height, width, 3), found {member.shape}."
        )
    if member.dtype.kind not in "iuf":
        raise DataError(
            f"{member.subject}: expected whole numbers from 0 to 255, found {member.dtype}."
        )
    return member


def _image_shape(member: _Member) -> tuple[int, int, int]:
    channels = member.shape[3] if len(member.shape) == _COLOUR_DIMENSIONS else 1
    return member.shape[1], member.shape[2], channels


def _labels(member: _Member) -> labels.FoundLabels:
    if member.shape[1:] not in {(), (1,)}:
        raise DataError(
            f"{member.subject}: expected one label an image, of shape (n,) or (n, 1), found "
            f"{member.shape}; one-hot labels become numbers by .argmax(axis=1)."
        )
    if member.dtype.kind not in "iuU":
        raise DataError(
            f"{member.subject}: expected integers or strings as labels, found {member.dtype}."
        )
    native = member.dtype.newbyteorder("=")
    collector = labels.LabelCollector(member.subject)
    for block in _blocks(member):
        collector.add(pa.array(block.reshape(-1).astype(native)))
    return collector.found()
