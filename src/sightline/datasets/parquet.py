"""Reads Parquet files in the layout of Hugging Face: encoded images and labels as columns."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.datasets import content, labels, metadata, pictures
from sightline.datasets.layout import Layout
from sightline.datasets.pictures import Picture
from sightline.datasets.quoting import quoted
from sightline.datasets.reading import Examples, Metadata, Reading
from sightline.errors import DataError

_BUFFER_BYTES = 1 << 20
_LABEL_ROWS = 65_536
_METADATA_ROWS = 1024
_IMAGE_ROWS = 64
_BOMB_BYTES, _BOMB_RATIO = 256 << 20, 100
"""A row group that unpacks to more and by more than this holds no images, which hardly pack."""


def read(layout: Layout, settings: DataConfig) -> Reading:
    """Read an image column (encoded bytes, or a struct of `bytes` and `path`) and a label column.

    Args:
        layout: One or more files a split.
        settings: Names of the columns; size and number of channels of the images.

    Returns:
        Images of one shape; class names from the schema's metadata where they are present.

    Raises:
        DataError: A file is damaged, a column is missing or of another type, or an image is
            only a path.
    """
    for path in (path for split in layout.files.values() for path in split):
        _check_columns(path, settings)
    names = _stated_names(next(iter(layout.files.values()))[0], settings.label_column)
    found = [_labels(layout, split, settings.label_column) for split in layout.files]
    class_names, numbers = labels.encode(found, names)
    total = sum(len(split) for split in numbers)
    everything = (
        picture for paths in layout.files.values() for picture in _pictures(paths, settings)
    )
    shape, changes = pictures.survey(everything, total, settings)
    examples = tuple(
        _examples(layout, split, split_labels, shape, settings)
        for split, split_labels in zip(layout.files, numbers, strict=True)
    )
    return Reading(class_names, shape, examples, (*layout.notes, *changes))


def _examples(
    layout: Layout,
    split: str,
    split_labels: NDArray[np.int64],
    shape: tuple[int, int, int],
    settings: DataConfig,
) -> Examples:
    paths = layout.files[split]
    ends = np.cumsum([_row_count(path) for path in paths])

    def origin(row: int) -> str:
        file = int(np.searchsorted(ends, row, side="right"))
        first = int(ends[file - 1]) if file else 0
        return f"{layout.relative(paths[file])}#{row - first}"

    return Examples(
        split,
        split_labels,
        lambda: pictures.decode(_pictures(paths, settings), shape),
        origin,
        (lambda: _metadata(paths, settings)) if settings.metadata_columns else None,
    )


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
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


def _row_count(path: Path) -> int:
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def _check_columns(path: Path, settings: DataConfig) -> None:
    with _opened(path) as file:
        schema = file.schema_arrow
        _check_packing(path, file.metadata)
    for key in ("image_column", "label_column"):
        column = getattr(settings, key)
        if schema.names.count(column) != 1:
            raise DataError(
                f"{path} has no column {column!r}; its columns are "
                f"{quoted(', '.join(schema.names))}: set data.{key}."
            )
    known = {settings.image_column, settings.label_column}
    metadata.check_columns(path, [name for name in schema.names if name not in known], settings)
    kind = schema.field(settings.image_column).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    if not (_is_binary(kind) or pa.types.is_null(kind)):  # of nulls the row is told later
        raise DataError(
            f"{path}: expected encoded images in the column {settings.image_column!r} (binary, or "
            f"a struct with bytes), found {quoted(kind)}."
        )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _check_packing(path: Path, metadata: pq.FileMetaData) -> None:
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


def _stated_names(path: Path, column: str) -> list[str] | None:
    with _opened(path) as file:
        metadata = file.schema_arrow.metadata or {}
    try:
        feature = json.loads(metadata[b"huggingface"])["info"]["features"][column]
        names = feature["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list and names else None


def _labels(layout: Layout, split: str, column: str) -> labels.FoundLabels:
    paths = layout.files[split]
    subject = str(paths[0]) if len(paths) == 1 else f"{layout.path} ({split})"
    collector = labels.LabelCollector(subject)
    for path in paths:
        for batch in _batches(path, [column], _LABEL_ROWS):
            collector.add(batch.column(0))
    return collector.found()


def _metadata(paths: Sequence[Path], settings: DataConfig) -> Metadata:
    for path in paths:
        row = 0
        for batch in _batches(path, list(settings.metadata_columns), _METADATA_ROWS):
            yield metadata.as_text(batch.select(settings.metadata_columns), path, row)
            row += len(batch)


def _pictures(paths: Sequence[Path], settings: DataConfig) -> Iterator[Picture]:
    for path in paths:
        row = 0
        for batch in _batches(path, [settings.image_column], _IMAGE_ROWS):
            for value in batch.column(0):
                subject = f"{path}, row {row} (counted from 0)"
                yield Picture(subject, _encoded(value, subject))
                row += 1


def _batches(path: Path, columns: list[str], rows: int) -> Iterator[Any]:
    """Stream some columns; a damaged file may hold more or less of one than of another."""
    with _opened(path) as file:
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
