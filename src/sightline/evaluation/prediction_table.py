"""The table of predictions that the stage evaluate writes, read in blocks."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.errors import InputError

_BLOCK = 4 << 20
"""Probabilities that are held at once."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of n test images.

    Attributes:
        index: int64 array of shape (n,), index in the test split.
        label: int64 array of shape (n,), values 0 to num_classes - 1.
        predicted: int64 array of shape (n,), the most probable class.
        probability: float32 array of shape (n,), of the predicted class.
        label_probability: float32 array of shape (n,), of the label.
    """

    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]
    label_probability: NDArray[np.float32]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Tell which predictions are right; bool array of shape (n,)."""
        return np.equal(self.label, self.predicted)

    def take(self, rows: NDArray[np.int64]) -> "Predictions":
        """Return some rows, in the order in which they are named."""
        return Predictions(**{name: getattr(self, name)[rows] for name in _COLUMNS})


_COLUMNS = tuple(field.name for field in fields(Predictions))


def read(path: Path, classes: int) -> Predictions:
    """Read the predictions of a run of a whole test split.

    Args:
        path: Parquet file as the stage evaluate writes it.
        classes: Number of classes.

    Returns:
        All rows; the probabilities of the other classes are not kept.

    Raises:
        InputError: The file is missing, damaged, or no such table.
    """
    try:
        found = join(blocks(path, classes))
        if not np.array_equal(found.index, np.arange(len(found.index))):
            raise ValueError("its rows are not in the order of the test split")
        return found
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path} cannot be read as predictions: {reason}.") from None


def blocks(path: Path, classes: int) -> Iterator[Predictions]:
    """Read predictions in blocks: with a thousand classes the table is far larger than these.

    Args:
        path: As for `read`.
        classes: Number of classes.

    Yields:
        Some rows, in order.

    Raises:
        ValueError: A column is missing, is of another type, or names a class that is not there.
        OSError: The file cannot be read.
    """
    columns = ["index", "label", "predicted", *(f"probability_{n}" for n in range(classes))]
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        if missing := set(columns) - set(table.schema_arrow.names):
            raise ValueError(f"the column {min(missing)!r} is missing")
        for batch in table.iter_batches(max(1, _BLOCK // classes), columns=columns):
            found = batch.select(columns).columns  # the file may hold them in another order
            index, label, predicted = (_integers(column) for column in found[:3])
            probabilities = np.stack([_numbers(column) for column in found[3:]])
            if max(label.max(initial=0), predicted.max(initial=0)) >= classes:
                raise ValueError(f"it names a class beyond the {classes} that there are")
            rows = np.arange(len(label))
            yield Predictions(
                index,
                label,
                predicted,
                probabilities[predicted, rows],
                probabilities[label, rows],
            )


def join(parts: Iterator[Predictions]) -> Predictions:
    """Join blocks to one.

    Raises:
        ValueError: There is none.
    """
    found = list(parts)
    if not found:
        raise ValueError("it has no rows")
    return Predictions(
        **{name: np.concatenate([getattr(part, name) for part in found]) for name in _COLUMNS}
    )


def _integers(column: pa.Array) -> NDArray[np.int64]:
    if column.null_count or not pa.types.is_integer(column.type):
        raise ValueError(f"expected whole numbers, got {column.type}")
    values: NDArray[np.int64] = column.to_numpy().astype(np.int64)
    if values.min(initial=0) < 0:
        raise ValueError("it holds numbers below zero")
    return values


def _numbers(column: pa.Array) -> NDArray[Any]:
    if column.null_count or not pa.types.is_floating(column.type):
        raise ValueError(f"expected probabilities, got {column.type}")
    values: NDArray[Any] = column.to_numpy()
    return values
