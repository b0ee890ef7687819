"""The label table: one row per example with its split, label, source and metadata."""

from collections.abc import Iterator, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.readers.base import Metadata, RawSplit
from sightline.data.splits import Split
from sightline.errors import ConfigError, DataError
from sightline.records import DatasetFiles
from sightline.storage.workspace import Workspace

Labels = NDArray[np.int16]
"""Two bytes per example (there are at most 1,000 classes), so that all labels fit in memory."""

_ROW_GROUP = 16_384
_SCHEMA = pa.schema(
    [
        *(("index", pa.int64()), ("split", pa.string()), ("label", pa.int64())),
        *(("class_name", pa.string()), ("source", pa.string())),
        *(("content_sha256", pa.string()), ("pixels_sha256", pa.string())),
    ]
)

Part = TypeVar("Part", bound=Sized)


def table_schema(settings: DataConfig) -> pa.Schema:
    """Return the schema of the label table, with the metadata columns at the end.

    Raises ConfigError if a metadata column is named twice or like a column of every label table.
    """
    names = settings.metadata_columns
    for name in names:
        if name in _SCHEMA.names:
            raise ConfigError(
                f"data.metadata_columns names {name!r}, a column of every label table; rename the "
                "column in your data."
            )
        if names.count(name) > 1:
            raise ConfigError(f"data.metadata_columns names {name!r} twice; remove one.")
    return pa.schema([*_SCHEMA, *(pa.field(name, pa.string()) for name in names)])


def write_table(
    path: Path,
    schema: pa.Schema,
    splits: Sequence[Split],
    class_names: Sequence[str],
    *digests: NDArray[np.bytes_],
) -> None:
    """Write the label table, split after split.

    `digests` are two S32 arrays, one row per image: the SHA-256 of its content in the source, and
    of its pixels. Raises DataError if the source changed since its labels were read.
    """
    repeated = ["split", "class_name", *schema.names[len(_SCHEMA) :]]
    with pq.ParquetWriter(
        path, schema, use_dictionary=repeated, write_page_checksum=True
    ) as writer:
        done = 0
        for split in splits:
            stream = split.raw.metadata
            metadata = _metadata_columns(split, stream()) if stream else None
            for start in range(0, split.count, _ROW_GROUP):
                part = slice(start, min(start + _ROW_GROUP, split.count))
                columns = _columns(split, class_names, part)
                rows = slice(done + part.start, done + part.stop)
                columns += [_hexadecimal(column[rows]) for column in digests]
                if metadata is not None:
                    columns += next(metadata)
                writer.write_table(pa.table(columns, schema=schema))
            done += split.count


def check_length(parts: Iterator[Part], split: RawSplit, what: str) -> Iterator[Part]:
    """Pass on parts of a stream and check that it is as long as the labels read before."""
    left = len(split.labels)
    for part in parts:
        left -= len(part)
        if left < 0:
            break
        yield part
    if left:
        raise DataError(
            f"The source changed during ingest: it had {len(split.labels):,} labels "
            f"({split.name}), then {'more' if left < 0 else 'fewer'} {what}; run again."
        )


def read_sources(path: Path, rows: NDArray[np.int64]) -> pa.Array:
    """Read the sources of some rows of a label table, an int64 array of shape (m,) in any order.

    Returns m strings, each a file below the data set's folder, or a file and a position in it.
    """
    wanted, places = np.unique(rows, return_inverse=True)
    parts = [pa.nulls(0, pa.string())]
    start = 0
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        for batch in table.iter_batches(columns=["source"]):
            first, last = np.searchsorted(wanted, (start, start + len(batch)))
            parts.append(batch.column(0).take(_indices(wanted[first:last] - start)))
            start += len(batch)
    return pa.concat_arrays(parts).take(_indices(places))


def _indices(rows: NDArray[np.int64]) -> pa.Array:
    """Return rows as Arrow has them; `pa.array` would import pandas."""
    plain = np.ascontiguousarray(rows, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(plain), [None, pa.py_buffer(plain)])


def stream_sources(workspace: Workspace, files: DatasetFiles, split: str) -> Iterator[str]:
    """Yield the sources of one split in the order of its images, as `read_sources` returns them."""
    start, count = _rows(files, split)
    path = workspace.root / files.labels.path
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        for batch in table.iter_batches(columns=["source"]):
            part = batch.column(0)[max(0, start) : max(0, start + count)]
            yield from part.to_pylist()
            start -= len(batch)


def read_labels(workspace: Workspace, files: DatasetFiles, split: str) -> Labels:
    """Read the labels of one split: shape (n,), from 0 to num_classes - 1, in image order."""
    labels = np.empty(sum(image.shape[0] for image in files.images.values()), dtype=np.int16)
    row = 0
    path = workspace.root / files.labels.path
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        for batch in table.iter_batches(columns=["label"]):
            labels[row : row + len(batch)] = np.from_dlpack(batch.column(0))
            row += len(batch)
    start, count = _rows(files, split)
    return labels[start : start + count]


def _rows(files: DatasetFiles, split: str) -> tuple[int, int]:
    """Return the first row of a split and the number of its rows."""
    names = list(files.images)
    before = names[: names.index(split)]
    return sum(files.images[name].shape[0] for name in before), files.images[split].shape[0]


def _columns(split: Split, class_names: Sequence[str], part: slice) -> list[Any]:
    rows = np.flatnonzero(split.selected)[part]
    numbers = split.raw.labels[rows]
    sources = (split.raw.source(int(row)) for row in rows)
    return [
        pa.array(np.arange(part.start, part.start + len(rows))),
        pa.array([split.name] * len(rows), pa.string()),
        pa.array(numbers),
        pa.array([class_names[number] for number in numbers], pa.string()),
        pa.array([source.encode(errors="backslashreplace") for source in sources], pa.string()),
    ]


def _hexadecimal(digests: NDArray[np.bytes_]) -> Any:
    digits, size = digests.tobytes().hex(), 2 * digests.itemsize  # tolist() strips trailing zeros
    return pa.array([digits[at : at + size] for at in range(0, len(digits), size)], pa.string())


def _metadata_columns(split: Split, stream: Metadata) -> Iterator[list[Any]]:
    """Yield the metadata columns of the split's rows in row groups."""
    start, held = 0, None
    for batch in check_length(stream, split.raw, "rows of metadata"):
        selected = pa.table(batch.filter(pa.array(split.selected[start : start + len(batch)])))
        start += len(batch)
        held = selected if held is None else pa.concat_tables([held, selected])
        while len(held) >= _ROW_GROUP:
            yield held.slice(0, _ROW_GROUP).columns
            held = held.slice(_ROW_GROUP)
    if held:
        yield held.columns
