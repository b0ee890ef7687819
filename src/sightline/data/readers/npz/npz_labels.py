"""Read the labels of an `.npz` archive: numbers, text or one-hot rows."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.data.labelling import labels
from sightline.data.readers.npz import npy
from sightline.data.readers.npz.npz_archive import Array, blocks
from sightline.errors import DataError


def read_labels(array: Array, images: Array) -> labels.FoundLabels:
    """Read one label per image: of shape (n,) or (n, 1), or one-hot rows of shape (n, k).

    The label of a one-hot row is the position of its 1, counted from 0. Raises DataError for
    another shape or dtype, another number of labels, or a row without exactly one 1 among zeros.
    """
    if array.shape[0] != images.shape[0]:
        raise DataError(
            f"{array.path}: {images.name} has {images.shape[0]:,} images, but {array.name} has "
            f"{array.shape[0]:,} labels."
        )
    if len(array.shape) > 2:  # noqa: PLR2004
        raise DataError(
            f"{array.subject}: expected one label per image, of shape (n,) or (n, 1), or one-hot "
            f"rows of shape (n, k), found {array.shape}."
        )
    is_one_hot = one_hot_width(array) != 1
    if is_one_hot:
        array.check_dtype("iufb", "numbers in one-hot rows")
    else:
        array.check_dtype("iufbUS", "integers or strings as labels")
    collector = labels.LabelCollector(array.subject)
    for values in _from_one_hot(array) if is_one_hot else _flat(array):
        collector.add(pa.array(values))
    return collector.found()


def check_widths(arrays: Sequence[Array]) -> None:
    """Raise DataError if splits have one-hot rows of several widths, or only some have them."""
    first, *others = arrays
    for other in others:
        if one_hot_width(other) != one_hot_width(first):
            raise DataError(
                f"{first.path}: {first.name} has the shape {first.shape}, but {other.name} "
                f"{other.shape}; give the labels of all splits in the same form."
            )


def describe(array: Array) -> str:
    """Return in words where the labels are."""
    return f"array {array.name}{', one-hot rows' if one_hot_width(array) > 1 else ''}"


def one_hot_width(array: Array) -> int:
    """Return the number of columns of labels; 1 unless they are one-hot rows."""
    return array.shape[1] if len(array.shape) > 1 else 1


def _flat(array: Array) -> Iterator[NDArray[Any]]:
    native = array.dtype.newbyteorder("=")
    row = 0
    for block in blocks(array):
        values = block.reshape(-1).astype(native)
        if native.kind == "U":
            npy.check_text(values, array.subject, row)
        yield _decode(values, array.subject) if native.kind == "S" else values
        row += len(values)


def _decode(values: NDArray[np.bytes_], subject: str) -> NDArray[np.str_]:
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{subject}: a label is not UTF-8 text; fix it.") from None


def _from_one_hot(array: Array) -> Iterator[NDArray[np.int64]]:
    row = 0
    for block in blocks(array):
        is_one = block == 1
        valid = (is_one.sum(axis=1) == 1) & ((block != 0) == is_one).all(axis=1)
        if not valid.all():
            raise DataError(
                f"{array.subject}, row {row + int(valid.argmin())} (counted from 0): expected a "
                f"one-hot row, a single 1 among zeros, as the labels have the shape {array.shape}; "
                "images with several labels or none cannot be used: save one label per image."
            )
        yield is_one.argmax(axis=1)
        row += len(block)
