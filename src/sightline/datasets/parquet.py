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
from sightline.datasets import content, labels, pictures
from sightline.datasets.layout import Layout
from sightline.datasets.pictures import Picture
from sightline.datasets.reading import Examples, Reading
from sightline.errors import DataError

_BUFFER_BYTES = 1 << 20
_LABEL_ROWS = 65_536
_IMAGE_ROWS = 64


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
        split, split_labels, lambda: pictures.decode(_pictures(paths, settings), shape), origin
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
    except (pa.ArrowException, OSError, ValueError) as error:  # names that are no UTF-8
        reason = str(error).partition("\n")[0][:200]
        raise DataError(
            f"{path} cannot be read as Parquet ({reason}); get a fresh copy of it."
        ) from None


def _row_count(path: Path) -> int:
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def _check_columns(path: Path, settings: DataConfig) -> None:
    with _opened(path) as file:
        schema = file.schema_arrow
    for key in ("image_column", "label_column"):
        column = getattr(settings, key)
        if schema.names.count(column) != 1:
            raise DataError(
                f"{path} has no column {column!r}; its columns are "
                f"{', '.join(schema.names[:20])}: set data.{key}."
            )
    kind = schema.field(settings.image_column).type
    embedded = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    if not (embedded or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise DataError(
            f"{path}: expected encoded images in the column {settings.image_column!r} (binary, or "
            f"a struct with bytes), found {kind}."
        )


def _stated_names(path: Path, column: str) -> list[str] | None:
    with _opened(path) as file:
        metadata = file.schema_arrow.metadata or {}
    try:
        feature = json.loads(metadata[b"huggingface"])["info"]["features"][column]
        names = feature["names"]
    except (KeyError, ValueError, TypeError):
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list and names else None


def _labels(layout: Layout, split: str, column: str) -> labels.FoundLabels:
    paths = layout.files[split]
    subject = str(paths[0]) if len(paths) == 1 else f"{layout.path} ({split})"
    collector = labels.LabelCollector(subject)
    for path in paths:
        with _opened(path) as file:
            for batch in file.iter_batches(_LABEL_ROWS, columns=[column]):
                collector.add(batch.column(0))
    return collector.found()


def _pictures(paths: Sequence[Path], settings: DataConfig) -> Iterator[Picture]:
    for path in paths:
        row = 0
        for images in _image_batches(path, settings.image_column):
            for value in images:
                subject = f"{path}, row {row} (counted from 0)"
                yield Picture(subject, _encoded(value.as_py(), subject))
                row += 1


def _image_batches(path: Path, column: str) -> Iterator[Any]:
    with _opened(path) as file:
        for batch in file.iter_batches(_IMAGE_ROWS, columns=[column]):
            yield batch.column(0)


def _encoded(value: Any, subject: str) -> bytes:
    data = value.get("bytes") if isinstance(value, dict) else value
    if data:
        return bytes(data)
    if isinstance(value, dict) and value.get("path"):
        raise DataError(
            f"{subject}: the image is only a path ({str(value['path'])[:80]!r}); embed the bytes "
            "of the images in the file."
        )
    raise DataError(f"{subject}: the image is missing.")
