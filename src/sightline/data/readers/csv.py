"""Read CSV files with a label column and one column per pixel."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import Layout
from sightline.data.readers import content, csv_labels, labels, metadata
from sightline.data.readers.base import (
    Metadata,
    RawDataset,
    RawSplit,
    Shape,
    check_count,
    raw_blocks,
    to_pixels,
)
from sightline.errors import DataError
from sightline.storage.text import quoted

_BLOCK_BYTES = 4 << 20
_RGB = 3


@dataclass(frozen=True)
class _Table:
    """A CSV file and the names of its columns, which are generated if there is no header."""

    path: Path
    columns: tuple[str, ...]
    has_header: bool
    label: str
    metadata: tuple[str, ...] = ()

    @property
    def pixels(self) -> list[str]:
        others = {self.label, *self.metadata}
        return [column for column in self.columns if column not in others]


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read CSV files.

    With a header, `settings.label_column` is the label, `settings.metadata_columns` are metadata
    and all other columns are pixels, row by row, the RGB values of a pixel side by side. If the
    first row has only numbers, there is no header and the first column is the label. Images have
    the configured shape, else they are square, grey or RGB. Raises DataError for a malformed file.
    """
    tables = [_open(paths[0], settings) for paths in layout.files.values()]
    shapes = {_shape(table, settings) for table in tables}
    if len(shapes) > 1:
        raise DataError(f"{layout.path}: its files differ in the number of pixel columns.")
    shape = shapes.pop()
    class_names, numbers = labels.encode(csv_labels.as_integers(list(map(_labels, tables))))

    def split(table: _Table, name: str, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name,
            split_labels,
            images=lambda: raw_blocks(to_pixels(_rows(table), str(table.path), shape)),
            source=lambda row: f"{table.path.name}#{row}",
            metadata=(lambda: _metadata(table)) if table.metadata else None,
        )

    splits = tuple(map(split, tables, layout.files, numbers))
    return RawDataset(class_names, shape, splits, layout.notes)


def _rows(table: _Table) -> Iterator[NDArray[np.float32]]:
    for batch in _batches(table, dict.fromkeys(table.pixels, pa.float32())):
        yield np.stack([column.to_numpy(zero_copy_only=False) for column in batch], axis=-1)


def _metadata(table: _Table) -> Metadata:
    """Stream the metadata columns; an empty cell is a missing value."""
    row = 0
    for batch in _batches(table, dict.fromkeys(table.metadata, pa.string())):
        trimmed = [pc.utf8_trim_whitespace(column) for column in batch]
        cells = [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]
        named = pa.RecordBatch.from_arrays(cells, names=table.metadata)
        yield metadata.as_text(named, table.path, row)
        row += len(batch)


def _open(path: Path, settings: DataConfig) -> _Table:
    content.check_head(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = iter(partial(file.readline, _BLOCK_BYTES), "")  # a line may be endless
            first = next(csv.reader(lines), [])
            has_rows = any(line.strip() for line in lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: {quoted(error)}.") from None
    if not first:
        raise DataError(f"{path}: its first line is blank; expected a header or numbers.")
    if all(_is_number(cell) for cell in first):
        columns = tuple(f"f{index}" for index in range(len(first)))
        metadata.check_columns(path, (), settings)
        return _Table(path, columns, has_header=False, label="f0")
    if not has_rows:
        check_count(str(path), 0)
    label = settings.label_column
    if first.count(label) != 1:
        raise DataError(
            f"{path}: expected one column {label!r}, found {metadata.list_columns(first)}; "
            "set data.label_column."
        )
    if len(set(first)) < len(first):
        raise DataError(f"{path}: two columns have the same name; rename one.")
    metadata.check_columns(path, [column for column in first if column != label], settings)
    return _Table(path, tuple(first), True, label, settings.metadata_columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shape(table: _Table, settings: DataConfig) -> Shape:
    count = len(table.pixels)
    if settings.image_size is not None:
        for channels in (settings.channels,) if settings.channels else (1, _RGB):
            if math.prod(settings.image_size) * channels == count:
                return (*settings.image_size, channels)
    for channels in (1, _RGB):
        side = math.isqrt(count // channels)
        if side * side * channels == count > 0:
            return side, side, channels
    raise DataError(
        f"{table.path}: {count:,} pixel columns fit neither a square grey nor a square RGB image; "
        "set data.image_size and data.channels."
    )


def _labels(table: _Table) -> labels.FoundLabels:
    collector = labels.LabelCollector(str(table.path))
    for batch in _batches(table, {table.label: pa.string()}):
        cells = [cell.strip() or None for cell in batch.column(0).to_pylist()]
        collector.add(pa.array(cells, pa.string()))
    return collector.found()


def _batches(table: _Table, kinds: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a file, each parsed as the given type."""
    read_options = pyarrow.csv.ReadOptions(
        column_names=table.columns, skip_rows=int(table.has_header), block_size=_BLOCK_BYTES
    )
    convert_options = pyarrow.csv.ConvertOptions(
        column_types=kinds, include_columns=list(kinds), strings_can_be_null=False
    )
    try:
        with pyarrow.csv.open_csv(
            table.path, read_options=read_options, convert_options=convert_options
        ) as reader:
            yield from reader
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{table.path} cannot be read as CSV ({quoted(error)}); fix the row."
        ) from None
