"""Read encoded images from the columns of untrusted Parquet files."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sightline.data.decoding.images import EncodedImage
from sightline.data.readers import content
from sightline.data.readers.base import RowGroup
from sightline.data.remote.remote_path import as_input
from sightline.errors import ChangedDataError, DataError
from sightline.storage.text import quoted

_BUFFER_BYTES = 1 << 20
_IMAGE_ROWS = 64
_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 100
"""A row group that exceeds both cannot hold images, which hardly compress."""


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file so that pages are read one by one and their checksums are verified."""
    content.check_head(path)
    try:
        file = pq.ParquetFile(
            as_input(path),
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
        )
        with closing(file):
            yield file
    except MemoryError:  # Arrow decompresses complete pages and trusts the size in their header
        raise DataError(
            f"{path} needs more memory than available; write it with smaller pages, or get a "
            "fresh copy."
        ) from None
    except (pa.ArrowException, OSError, ValueError) as error:  # names that are not UTF-8
        raise DataError(
            f"{path} cannot be read as Parquet ({quoted(error)}); get a fresh copy."
        ) from None


def bytes_of(kind: pa.DataType) -> pa.DataType:
    """Return the type of the field `bytes` of a struct; any other type as it is."""
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        return kind.field("bytes").type
    return kind


def is_image_type(kind: pa.DataType) -> bool:
    """Return whether a column of this type can hold encoded images."""
    kind = bytes_of(kind)
    return kind in {pa.binary(), pa.large_binary(), pa.binary_view()}


def check_compression(path: Path, metadata: pq.FileMetaData) -> None:
    """Refuse decompression bombs, since Arrow decompresses complete pages of any size."""
    packed = path.stat().st_size
    for number in range(metadata.num_row_groups):
        # Not the sum over its columns: pyarrow 26 aborts the process if one is damaged.
        unpacked = metadata.row_group(number).total_byte_size
        if unpacked > max(_BOMB_BYTES, _BOMB_RATIO * packed):
            raise DataError(
                f"{path} ({packed:,} bytes) states that its row group {number} decompresses to "
                f"{unpacked:,} bytes; expected encoded images, which hardly compress."
            )


def read_batches(path: Path, columns: list[str], rows: int) -> Iterator[Any]:
    """Stream record batches of some columns and check that they have the stated rows."""
    with open_parquet(path) as file:
        left = stated = file.metadata.num_rows
        for batch in file.iter_batches(rows, columns=columns):
            left -= len(batch)
            if left < 0:
                break
            yield batch
        if left:
            raise DataError(
                f"{path}: the column {columns[0]!r} does not have the {stated:,} rows that the "
                "file states; get a fresh copy."
            )


def read_values(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    """Stream the row numbers, counted from 0, and pyarrow scalars of an image column."""
    row = 0
    for batch in read_batches(path, [column], _IMAGE_ROWS):
        for value in batch.column(0):
            yield row, value
            row += 1


def row_groups(path: Path) -> list[RowGroup]:
    """Return the row groups of a file, with all their rows."""
    with open_parquet(path) as file:
        found = file.metadata
        counts = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    ends = np.cumsum(counts, dtype=np.int64)
    return [
        RowGroup(path, number, np.arange(end - count, end))
        for number, (count, end) in enumerate(zip(counts, ends, strict=True))
    ]


def read_group(path: Path, column: str, number: int, rows: Sequence[int]) -> Iterator[EncodedImage]:
    """Stream the images of some rows of a row group; `rows` are sorted and counted in the file.

    Raises ChangedDataError if the file has fewer.
    """
    wanted, found = {*rows}, 0
    with open_parquet(path) as file:
        stated = file.metadata
        groups = range(min(number, stated.num_row_groups))
        row = sum(stated.row_group(group).num_rows for group in groups)
        own = [number] if number < stated.num_row_groups else []
        for batch in file.iter_batches(_IMAGE_ROWS, row_groups=own, columns=[column]):
            for value in batch.column(0):
                if row in wanted:
                    yield to_image(path, row, value)
                    found += 1
                row += 1
    if found < len(wanted):
        raise ChangedDataError(f"{path} changed while it was read; run again when it is complete.")


def name_of(path: Path, row: int) -> str:
    """Return how messages name the image of a row."""
    return f"{path}, row {row} (counted from 0)"


def to_image(path: Path, row: int, value: Any) -> EncodedImage:
    """Take the encoded image from a value of `read_values`, or the error that it has no bytes."""
    name = name_of(path, row)
    is_struct = isinstance(value, pa.StructScalar) and value.is_valid
    data = value["bytes"].as_py() if is_struct else value.as_py()
    if data:
        return EncodedImage(name, bytes(data))
    problem = "the image is missing."
    if is_struct and value.type.get_field_index("path") >= 0:
        problem = "the image is only a path; embed the image bytes in the file."
    return EncodedImage(name, DataError(f"{name}: {problem}"))
