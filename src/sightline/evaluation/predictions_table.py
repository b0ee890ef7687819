"""The predictions table: a Parquet file with one row for each test image, in split order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data import label_table
from sightline.errors import InputError
from sightline.storage import digests

Floats = NDArray[np.float32]

_SOURCE = "source"
_BLOCK_VALUES = 4 << 20  # Probabilities held in memory at once


@dataclass(frozen=True)
class Block:
    """Some consecutive rows of the table."""

    start: int  # Index of the first row in the test split
    labels: NDArray[Any]  # Integer array of shape (m,), values 0 to num_classes - 1
    probabilities: Floats  # float32 array of shape (m, num_classes), in [0, 1]
    sources: Sequence[str] | None = None  # File or record of each image; None if not written


def schema(num_classes: int, *, sources: bool = False) -> pa.Schema:
    """Return the columns: index, label, predicted (int64) and probability_<i> (float32).

    With sources, the column source (string) comes before the probabilities.
    """
    integers = ((name, pa.int64()) for name in ("index", "label", "predicted"))
    texts = [(_SOURCE, pa.string())] if sources else []
    floats = ((f"probability_{number}", pa.float32()) for number in range(num_classes))
    return pa.schema([*integers, *texts, *floats])


def to_arrow(block: Block) -> pa.Table:
    """Convert a block to rows of the table."""
    rows, num_classes = block.probabilities.shape
    columns = [
        np.arange(block.start, block.start + rows),
        block.labels.astype(np.int64),
        block.probabilities.argmax(axis=1).astype(np.int64),
        *([] if block.sources is None else [block.sources]),
        *block.probabilities.T,
    ]
    form = schema(num_classes, sources=block.sources is not None)
    return pa.table([pa.array(column) for column in columns], form)


def read_blocks(
    path: Path, num_classes: int, *, rows: int | None = None, sha256: str | None = None
) -> Iterator[Block]:
    """Read the table block by block, without sources: it may exceed the memory.

    Args:
        path: Parquet file written by the evaluate stage; every page that is read is checked.
        rows: Expected number of rows; None skips the check.
        sha256: Expected digest of the file; None skips the check.

    Raises:
        InputError: The file is missing, damaged, or not such a table.
    """
    with _refused(path):
        if sha256 is not None and digests.sha256(path) != sha256:
            raise ValueError("it is not the file that evaluate wrote")
        with pq.ParquetFile(path, page_checksum_verification=True) as table:
            expected = schema(num_classes)
            _check_layout(table, expected, rows)
            start, most = 0, max(1, _BLOCK_VALUES // num_classes)
            for batch in table.iter_batches(most, columns=expected.names):
                yield _block(start, batch)
                start += len(batch)


def read_sources(path: Path, rows: NDArray[np.int64]) -> list[str] | list[None]:
    """Read the file or record of the images in some rows, an int64 array of shape (m,).

    Returns m strings as in the label table, or m times None if the table has no sources, as those
    of earlier versions. Raises InputError if the file is missing or damaged.
    """
    with _refused(path):
        if _SOURCE not in pq.read_schema(path).names:
            return [None] * len(rows)
        found: list[str] = label_table.read_sources(path, rows).to_pylist()
        return found


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # Arrow's errors are one of the two
        if isinstance(error, OSError) and error.errno and not isinstance(error, FileNotFoundError):
            raise  # storage did not answer, which says nothing about the file
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"{path} cannot be read as predictions: {reason}; run again with --refresh."
        ) from None


def _check_layout(table: pq.ParquetFile, expected: pa.Schema, rows: int | None) -> None:
    columns = {field.name: field.type for field in table.schema_arrow}
    for field in expected:
        found = columns.get(field.name, "none")
        if found != field.type:
            raise ValueError(f"expected {field.type} in the column {field.name!r}, found {found}")
    if [name for name in table.schema_arrow.names if name != _SOURCE] != expected.names:
        raise ValueError(f"expected {len(expected)} columns in order, found {len(columns)}")
    if not table.metadata.num_rows:
        raise ValueError("it has no rows")
    if rows not in {None, table.metadata.num_rows}:
        raise ValueError(f"expected {rows:,} rows, found {table.metadata.num_rows:,}")


def _block(start: int, batch: pa.RecordBatch) -> Block:
    if any(column.null_count for column in batch):
        raise ValueError("it has rows without a value")
    # `to_numpy` imports pandas, which takes as long as reading a hundred thousand rows
    index, labels, predicted, *probabilities = (np.from_dlpack(column) for column in batch)
    block = Block(start, labels, np.stack(probabilities, axis=1))
    if not np.array_equal(index, np.arange(start, start + len(index))):
        raise ValueError("its rows are not in the order of the test split")
    if labels.min() < 0 or labels.max() >= len(probabilities):
        raise ValueError(f"expected labels from 0 to {len(probabilities) - 1}")
    if not np.array_equal(predicted, block.probabilities.argmax(axis=1)):
        raise ValueError("a predicted class is not the most probable one")
    return block
