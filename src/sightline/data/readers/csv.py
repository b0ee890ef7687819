"""Reads CSV files with a label column and one column a pixel."""

import csv
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
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
from sightline.data.readers import content, labels, metadata
from sightline.data.readers.base import (
    Blocks,
    Examples,
    Metadata,
    Reading,
    check_count,
    exact_pixels,
)
from sightline.errors import DataError
from sightline.storage.text import quoted

_BLOCK_BYTES = 4 << 20
_NUMBER = re.compile(r"^[+-]?\d+(\.0*)?([eE][+-]?\d+)?$")
_EXACT = 2**53  # beyond, floats leave integers out: two labels could become one
_RGB = 3
_COLUMNS_SHOWN = 8


@dataclass(frozen=True)
class _Table:
    """A CSV file with the names of its columns; made up where it has no header."""

    path: Path
    columns: tuple[str, ...]
    has_header: bool
    label: str
    metadata: tuple[str, ...] = ()

    @property
    def pixels(self) -> list[str]:
        others = {self.label, *self.metadata}
        return [column for column in self.columns if column not in others]


def read(layout: Layout, settings: DataConfig) -> Reading:
    """Read CSV files.

    With a header, `settings.label_column` is the label, `settings.metadata_columns` are metadata
    and every other column is a pixel, rows of the image one after the other, RGB values of a
    pixel side by side. A first row of numbers alone means that there is no header; then the
    first column is the label.

    Args:
        layout: One file a split.
        settings: Names of the columns; may state the image size and channels.

    Returns:
        Images of the stated shape; unstated, square grey or else square RGB.

    Raises:
        DataError: A file is damaged, the columns make no image, or a value is no pixel.
    """
    tables = [_table(paths[0], settings) for paths in layout.files.values()]
    shapes = {_shape(table, settings) for table in tables}
    if len(shapes) > 1:
        raise DataError(f"{layout.path}: its files differ in their number of pixel columns.")
    shape = shapes.pop()
    class_names, numbers = labels.encode([_labels(table) for table in tables])
    examples = tuple(
        _examples(table, split, split_labels, shape)
        for table, split, split_labels in zip(tables, layout.files, numbers, strict=True)
    )
    return Reading(class_names, shape, examples, layout.notes)


def _examples(
    table: _Table, split: str, split_labels: NDArray[np.int64], shape: tuple[int, int, int]
) -> Examples:
    kinds = dict.fromkeys(table.pixels, pa.float32())

    def blocks() -> Blocks:
        row = 0
        for batch in _batches(table, kinds):
            columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
            block = exact_pixels(np.stack(columns, axis=-1), str(table.path), row)
            yield block.reshape(len(block), *shape)
            row += len(block)

    return Examples(
        split,
        split_labels,
        blocks,
        lambda row: f"{table.path.name}#{row}",
        (lambda: _metadata(table)) if table.metadata else None,
    )


def _metadata(table: _Table) -> Metadata:
    """Stream the metadata columns; an empty cell is a missing value."""
    row = 0
    for batch in _batches(table, dict.fromkeys(table.metadata, pa.string())):
        trimmed = [pc.utf8_trim_whitespace(column) for column in batch]
        cells = [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]
        named = pa.RecordBatch.from_arrays(cells, names=table.metadata)
        yield metadata.as_text(named, table.path, row)
        row += len(batch)


def _table(path: Path, settings: DataConfig) -> _Table:
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
    if first.count(settings.label_column) != 1:
        raise DataError(
            f"{path}: expected one column {settings.label_column!r}, found "
            f"{quoted(', '.join(first[:_COLUMNS_SHOWN]))}"
            f"{' …' if len(first) > _COLUMNS_SHOWN else ''}; "
            "set data.label_column."
        )
    if len(set(first)) < len(first):
        raise DataError(f"{path}: two columns have the same name; every pixel needs its own.")
    others = [column for column in first if column != settings.label_column]
    metadata.check_columns(path, others, settings)
    return _Table(
        path,
        tuple(first),
        has_header=True,
        label=settings.label_column,
        metadata=settings.metadata_columns,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shape(table: _Table, settings: DataConfig) -> tuple[int, int, int]:
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
        f"{table.path}: {count:,} pixel columns make neither a square grey nor a square RGB image; "
        "set data.image_size and data.channels."
    )


def _labels(table: _Table) -> labels.FoundLabels:
    collector = labels.LabelCollector(str(table.path))
    for batch in _batches(table, {table.label: pa.string()}):
        column = batch.column(0)
        collector.add(pa.array([cell.strip() or None for cell in column.to_pylist()], pa.string()))
    found = collector.found()
    if all(_NUMBER.match(str(value)) for value in found.values):
        return _as_numbers(found)
    return found


def _as_numbers(found: labels.FoundLabels) -> labels.FoundLabels:
    """Turn labels such as "7" and "7.0" into one integer."""
    numbers = [float(value) for value in found.values]
    if not all(number.is_integer() and abs(number) < _EXACT for number in numbers):
        return found
    distinct = list(dict.fromkeys(int(number) for number in numbers))
    lookup = np.asarray([distinct.index(int(number)) for number in numbers], dtype=np.int16)
    return labels.FoundLabels(found.subject, tuple(distinct), lookup[found.codes])


def _batches(table: _Table, kinds: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a file, in order, each parsed as the given type."""
    with _readable(table.path):
        reader = pyarrow.csv.open_csv(
            table.path,
            read_options=pyarrow.csv.ReadOptions(
                column_names=list(table.columns),
                skip_rows=1 if table.has_header else 0,
                block_size=_BLOCK_BYTES,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), strings_can_be_null=False
            ),
        )
        with reader:
            yield from reader


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as CSV ({quoted(error)}); mend the row.") from None
