"""Read Parquet files in the layout of Hugging Face: columns of encoded images and labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import Layout
from sightline.data.readers import (
    images,
    labels,
    metadata,
    parquet_images,
    parquet_names,
    unlabelled,
)
from sightline.data.readers.base import Form, Metadata, Origin, RawDataset, RawSplit, check_count
from sightline.data.readers.form import choose_form
from sightline.data.readers.images import EncodedImage
from sightline.data.readers.unreadable import Mask, find_readable
from sightline.errors import DataError
from sightline.storage.text import quoted

_LABEL_ROWS = 65_536
_METADATA_ROWS = 1024


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read an image column (encoded bytes, or a struct of `bytes` and `path`) and a label column.

    Class names come from the schema's metadata if present, and labels of files that number them in
    another order are renumbered. Raises DataError if a file is damaged, files state different
    names, a column is missing or has another type, or an image is only a path.
    """
    layout, left_out = _leave_out_unlabelled(layout, settings.label_column)
    paths = [path for split in layout.files.values() for path in split]
    for path in paths:
        _check_columns(path, settings)
    names, numbering = parquet_names.read(paths, settings.label_column)
    given = {
        split: _labels(layout, split, settings.label_column, numbering) for split in layout.files
    }
    found, missing = unlabelled.leave_out(given)
    files = {split: layout.files[split] for split in found}
    paths = [path for split in files.values() for path in split]
    class_names, numbers = labels.encode([*found.values()], names)
    sizes = [len(split) for split in numbers]
    readable = find_readable(
        _or_empty(paths, settings), sizes, layout, skip=settings.unreadable == "skip"
    )
    kept = dict(zip(files, readable.masks, strict=True))
    for split, mask in kept.items():
        check_count(f"{layout.path} ({split})", int(mask.sum()))
    encoded = (
        image for split, own in files.items() for image in _encoded(own, settings, kept[split])
    )
    total = sum(int(mask.sum()) for mask in kept.values())
    form, notes = choose_form(encoded, total, settings, layout)
    splits = (
        _split(layout, name, split_labels, form, settings, kept[name])
        for name, split_labels in zip(files, numbers, strict=True)
    )
    notes = (*layout.notes, *left_out, *missing, *readable.notes, *notes)
    size = sum(path.stat().st_size for path in paths) if form.encoded else None
    return RawDataset(
        *(class_names, form.shape, tuple(splits), Origin("Parquet", _label_place(settings, names))),
        *(notes, form.resize, size, form.white),
        unreadable=len(readable.skipped),
    )


def _leave_out_unlabelled(layout: Layout, column: str) -> tuple[Layout, tuple[str, ...]]:
    """Leave out splits without the column of labels, if the training split has it."""
    columns = {
        split: [_has_column(path, column) for path in paths]
        for split, paths in layout.files.items()
    }
    if not all(next(iter(columns.values()))):
        return layout, ()
    notes = [
        unlabelled.describe(split, sum(map(_count_rows, layout.files[split])))
        for split, found in columns.items()
        if not any(found)
    ]
    files = {split: paths for split, paths in layout.files.items() if any(columns[split])}
    return replace(layout, files=files), tuple(notes)


def _has_column(path: Path, column: str) -> bool:
    with parquet_images.open_parquet(path) as file:
        return column in file.schema_arrow.names


def _count_rows(path: Path) -> int:
    with parquet_images.open_parquet(path) as file:
        return int(file.metadata.num_rows)


def _label_place(settings: DataConfig, names: Sequence[str] | None) -> str:
    stated = ", with the class names of the schema" if names else ""
    return f"column {settings.label_column}{stated}"


def _place(files: Sequence[str]) -> str:
    more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
    return f"file {files[0]}{more}"


def _split(
    layout: Layout,
    name: str,
    split_labels: NDArray[np.int64],
    form: Form,
    settings: DataConfig,
    kept: Mask,
) -> RawSplit:
    paths = layout.files[name]
    ends, rows = np.cumsum([*map(_count_rows, paths)]), np.flatnonzero(kept)

    def source(number: int) -> str:
        row = int(rows[number])
        file = int(np.searchsorted(ends, row, side="right"))
        first = int(ends[file - 1]) if file else 0
        return f"{layout.relative(paths[file])}#{row - first}"

    return RawSplit(
        name,
        split_labels[kept],
        place=_place([layout.relative(path) for path in paths]),
        images=lambda: images.decode(_encoded(paths, settings, kept), form),
        source=source,
        metadata=(lambda: _metadata(paths, settings, kept)) if settings.metadata_columns else None,
    )


def _check_columns(path: Path, settings: DataConfig) -> None:
    with parquet_images.open_parquet(path) as file:
        schema = file.schema_arrow
        parquet_images.check_compression(path, file.metadata)
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
    # Nulls are reported later, with their row.
    if not (parquet_images.is_image_type(kind) or pa.types.is_null(parquet_images.bytes_of(kind))):
        raise DataError(
            f"{path}: expected encoded images in the column {settings.image_column!r} (binary, or "
            f"a struct with bytes), found {quoted(kind)}."
        )


def _labels(
    layout: Layout, split: str, column: str, numbering: Mapping[Path, Mapping[int, int]]
) -> labels.FoundLabels:
    paths = layout.files[split]
    subject = str(paths[0]) if len(paths) == 1 else f"{layout.path} ({split})"
    collector = labels.LabelCollector(subject)
    for path in paths:
        for batch in parquet_images.read_batches(path, [column], _LABEL_ROWS):
            collector.add(batch.column(0), numbering.get(path, {}))
    return collector.found()


def _metadata(paths: Sequence[Path], settings: DataConfig, kept: Mask) -> Metadata:
    columns = list(settings.metadata_columns)
    start = 0  # of the batch, in the split
    for path in paths:
        row = 0
        for batch in parquet_images.read_batches(path, columns, _METADATA_ROWS):
            text = metadata.as_text(batch.select(columns), path, row)
            yield text.filter(pa.array(kept[start : start + len(batch)]))
            row += len(batch)
            start += len(batch)


def _encoded(paths: Sequence[Path], settings: DataConfig, kept: Mask) -> Iterator[EncodedImage]:
    return (parquet_images.to_image(*value) for value in compress(_values(paths, settings), kept))


def _or_empty(paths: Sequence[Path], settings: DataConfig) -> Iterator[EncodedImage]:
    """Yield the images of all rows, without bytes where there are none."""
    for path, row, value in _values(paths, settings):
        try:
            yield parquet_images.to_image(path, row, value)
        except DataError:
            yield EncodedImage(f"{path}, row {row} (counted from 0)", b"")


def _values(paths: Sequence[Path], settings: DataConfig) -> Iterator[tuple[Path, int, Any]]:
    return (
        (path, row, value)
        for path in paths
        for row, value in parquet_images.read_values(path, settings.image_column)
    )
