"""Accuracy by metadata: for each value of a column of the label table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.errors import ConfigError
from sightline.evaluation.intervals import wilson
from sightline.records import DatasetFiles, SliceMetrics
from sightline.storage.workspace import Workspace

MOST_VALUES = 50
"""Values of a column that are shown by themselves, the most frequent ones."""

NONE, OTHER = "(none)", "(other)"
"""Stand for images without a value, and for those with one of the less frequent values."""

_ROWS = 65_536


def check(workspace: Workspace, files: DatasetFiles, columns: Sequence[str]) -> None:
    """Refuse columns that `measure` would not find: at once, before anything is trained.

    Args:
        files: The ingested data set.
        columns: What the config names.

    Raises:
        ConfigError: The label table has no such column.
    """
    there = pq.read_schema(workspace.root / files.labels.path).names
    for column in columns:
        if column not in there:
            raise ConfigError(
                f"evaluation.slices names {column!r}, expected a column of the label table: "
                f"{', '.join(there)}; to bring a column of a CSV or Parquet source there, name it "
                "in data.metadata_columns."
            )


def measure(
    path: Path, split: str, columns: Sequence[str], right: NDArray[np.bool_]
) -> tuple[SliceMetrics, ...]:
    """Measure the accuracy on the images of each value of some columns.

    A value costs no memory: eight bytes an image tell whether two values are equal.

    Args:
        path: The label table.
        split: Name of the split.
        columns: Columns of the table.
        right: Whether each image of the split, in its order, was named right; bool array of
            shape (n,).

    Returns:
        One row a value, column by column; within a column the most frequent value first. What
        goes beyond 50 values is one row.
    """
    return tuple(row for column in columns for row in _measure_column(path, split, column, right))


def _measure_column(
    path: Path, split: str, column: str, right: NDArray[np.bool_]
) -> Iterator[SliceMetrics]:
    codes = np.concatenate([_codes(values) for values in _values(path, split, column)])
    _, first, slices, images = np.unique(
        codes, return_index=True, return_inverse=True, return_counts=True
    )
    hits = np.bincount(slices, weights=right).astype(np.int64)
    order = np.lexsort((first, -images))
    shown, others = order[:MOST_VALUES], order[MOST_VALUES:]
    names = _at(path, split, column, first[shown])
    for number, name in zip(shown, names, strict=True):
        yield _row(column, name, int(images[number]), int(hits[number]))
    if len(others):
        yield _row(column, OTHER, int(images[others].sum()), int(hits[others].sum()))


def _values(path: Path, split: str, column: str) -> Iterator[Any]:
    """Stream a column of a split as pyarrow arrays of strings."""
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        for batch in table.iter_batches(_ROWS, columns=list({"split", column})):
            rows = batch.filter(pc.equal(batch["split"], split))
            yield rows[column].cast(pa.string())


def _codes(values: Any) -> NDArray[np.uint64]:
    """Give equal values equal numbers, and different ones different numbers, as good as surely."""
    from pandas.util import hash_array

    codes: NDArray[np.uint64] = hash_array(values.to_numpy(zero_copy_only=False))
    return np.where(values.is_null(), np.uint64(0), codes)


def _at(path: Path, split: str, column: str, rows: NDArray[np.int64]) -> list[str]:
    """Look values up, given their rows in the split; only these are held."""
    found: dict[int, str | None] = {}
    start = 0
    for values in _values(path, split, column):
        for row in rows[(rows >= start) & (rows < start + len(values))]:
            found[int(row)] = values[int(row) - start].as_py()
        start += len(values)
    return [NONE if (value := found[int(row)]) is None else value for row in rows]


def _row(column: str, value: str, images: int, right: int) -> SliceMetrics:
    interval = wilson(right, images)
    assert interval is not None  # noqa: S101 - a value has images
    return SliceMetrics(
        column=column,
        value=value,
        images=images,
        accuracy=right / images,
        interval=interval,
    )
