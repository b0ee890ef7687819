"""Encoded images in the columns of Parquet files, and what makes such a file safe to read."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sightline.data.readers import content
from sightline.data.readers.images import Picture
from sightline.errors import DataError
from sightline.storage.text import quoted

_BUFFER_BYTES = 1 << 20
_IMAGE_ROWS = 64
_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 100
"""A row group that unpacks to more and by more than this holds no images, which hardly pack."""


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file so that its pages are read one by one and their checksums are compared."""
    content.check_head(path)
    try:
        with closing(
            pq.ParquetFile(
                path,
                buffer_size=_BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
            )
        ) as file:
            yield file
    except MemoryError:  # Arrow unpacks a page as a whole, and believes what its header states
        raise DataError(
            f"{path} needs more memory than there is; write it with smaller pages, or get a fresh "
            "copy of it."
        ) from None
    except (pa.ArrowException, OSError, ValueError) as error:  # names that are no UTF-8
        raise DataError(
            f"{path} cannot be read as Parquet ({quoted(error)}); get a fresh copy of it."
        ) from None


def row_count(path: Path) -> int:
    """Return the number of rows that a file states."""
    with opened(path) as file:
        return int(file.metadata.num_rows)


def holds_images(kind: pa.DataType) -> bool:
    """Tell whether a column of this type can hold encoded images: bytes, or a struct with some."""
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def check_packing(path: Path, metadata: pq.FileMetaData) -> None:
    """Refuse bombs: Arrow unpacks a page as a whole, whatever its size."""
    packed = path.stat().st_size
    for number in range(metadata.num_row_groups):
        # Not the sum over its columns: pyarrow 26 aborts the process where one is damaged.
        unpacked = metadata.row_group(number).total_byte_size
        if unpacked > max(_BOMB_BYTES, _BOMB_RATIO * packed):
            raise DataError(
                f"{path} ({packed:,} bytes) states that its row group {number} unpacks to "
                f"{unpacked:,} bytes; expected encoded images, which hardly pack."
            )


def batches(path: Path, columns: list[str], rows: int) -> Iterator[Any]:
    """Stream some columns; a damaged file may hold more or less of one than of another."""
    with opened(path) as file:
        left = file.metadata.num_rows
        for batch in file.iter_batches(rows, columns=columns):
            left -= len(batch)
            if left < 0:
                break
            yield batch
        if left:
            raise DataError(
                f"{path}: its column {columns[0]!r} does not hold the "
                f"{file.metadata.num_rows:,} rows "
                "that the file states; get a fresh copy of it."
            )


def values(path: Path, column: str) -> Iterator[tuple[int, Any]]:
    """Stream the values of an image column.

    Args:
        path: The file.
        column: A column of encoded images.

    Yields:
        The number of a row, counted from 0, and what it holds, for `encoded`.

    Raises:
        DataError: The file is damaged.
    """
    row = 0
    for batch in batches(path, [column], _IMAGE_ROWS):
        for value in batch.column(0):
            yield row, value
            row += 1


def picture(path: Path, row: int, value: Any) -> Picture:
    """Take the bytes of an image from a value of its column.

    Args:
        path: The file.
        row: Number of the row, counted from 0.
        value: A pyarrow scalar: bytes, or a struct with them.

    Raises:
        DataError: There are none; the message names file and row.
    """
    subject = f"{path}, row {row} (counted from 0)"
    return Picture(subject, _encoded(value, subject))


def _encoded(value: Any, subject: str) -> bytes:
    within = isinstance(value, pa.StructScalar)
    data = value["bytes"].as_py() if within and value.is_valid else value.as_py()
    if data:
        return bytes(data)
    if within and value.is_valid and value.type.get_field_index("path") >= 0:
        raise DataError(
            f"{subject}: the image is only a path; embed the bytes of the images in the file."
        )
    raise DataError(f"{subject}: the image is missing.")
