"""Accuracy for each value of a metadata column of the label table."""

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
from sightline.evaluation.model_under_test import Context
from sightline.records import DatasetFiles, SliceMetrics
from sightline.storage.workspace import Workspace

MAX_VALUES = 50  # The most frequent values of a column have rows of their own
NONE, OTHER = "(none)", "(other)"
"""Stand for images without a value, and for images with one of the less frequent values."""

_ROWS = 65_536


def check(workspace: Workspace, files: DatasetFiles, columns: Sequence[str]) -> None:
    """Check before the training that the configured columns exist.

    Raises ConfigError if the label table has no such column.
    """
    found = pq.read_schema(workspace.root / files.labels.path).names
    for column in columns:
        if column not in found:
            raise ConfigError(
                f"evaluation.slices names {column!r}, expected a column of the label table: "
                f"{', '.join(found)}; to add a column of a CSV or Parquet source, name it in "
                "data.metadata_columns."
            )


def measure(context: Context) -> tuple[SliceMetrics, ...]:
    """Measure the accuracy on the test split for the configured columns."""
    tested = context.tested
    path = tested.workspace.root / tested.files.labels.path
    return accuracy_by_value(path, "test", tested.settings.slices, context.predictions.correct)


def accuracy_by_value(
    path: Path, split: str, columns: Sequence[str], correct: NDArray[np.bool_]
) -> tuple[SliceMetrics, ...]:
    """Measure the accuracy for each value of some columns of a label table.

    Values are compared by a hash of eight bytes, so memory does not grow with their length.

    Args:
        correct: Whether the prediction is correct, for each image of the split in order.

    Returns:
        One row for each value, column by column, the most frequent value first. Values beyond
        the 50 most frequent share one row.
    """
    return tuple(row for column in columns for row in _rows(path, split, column, correct))


def _rows(
    path: Path, split: str, column: str, correct: NDArray[np.bool_]
) -> Iterator[SliceMetrics]:
    hashes = np.concatenate([_hashes(values) for values in _values(path, split, column)])
    _, first, groups, images = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    hits = np.bincount(groups, weights=correct).astype(np.int64)
    order = np.lexsort((first, -images))
    frequent, others = order[:MAX_VALUES], order[MAX_VALUES:]
    names = _take(path, split, column, first[frequent])
    for group, name in zip(frequent, names, strict=True):
        yield _row(column, name, int(images[group]), int(hits[group]))
    if len(others):
        yield _row(column, OTHER, int(images[others].sum()), int(hits[others].sum()))


def _values(path: Path, split: str, column: str) -> Iterator[Any]:
    """Stream a column of a split as pyarrow arrays of strings."""
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        for batch in table.iter_batches(_ROWS, columns=list({"split", column})):
            rows = batch.filter(pc.equal(batch["split"], split))
            yield rows[column].cast(pa.string())


def _hashes(values: Any) -> NDArray[np.uint64]:
    """Hash values to 64 bits; a missing value is 0."""
    from pandas.util import hash_array

    hashes: NDArray[np.uint64] = hash_array(values.to_numpy(zero_copy_only=False))
    return np.where(values.is_null(), np.uint64(0), hashes)


def _take(path: Path, split: str, column: str, rows: NDArray[np.int64]) -> list[str]:
    """Look up the values of some rows of a split; only these are held in memory."""
    found: dict[int, str | None] = {}
    start = 0
    for values in _values(path, split, column):
        for row in rows[(rows >= start) & (rows < start + len(values))]:
            found[int(row)] = values[int(row) - start].as_py()
        start += len(values)
    return [NONE if (value := found[int(row)]) is None else value for row in rows]


def _row(column: str, value: str, images: int, hits: int) -> SliceMetrics:
    interval = wilson(hits, images)
    assert interval is not None  # noqa: S101 - every value has images
    return SliceMetrics(
        column=column, value=value, images=images, accuracy=hits / images, interval=interval
    )
