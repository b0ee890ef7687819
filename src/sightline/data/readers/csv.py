"""Read CSV files with a label column and one column per pixel."""

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import Layout
from sightline.data.readers import csv_columns, csv_labels, labels, metadata
from sightline.data.readers.base import (
    Metadata,
    RawDataset,
    RawSplit,
    Shape,
    raw_blocks,
    to_pixels,
)
from sightline.data.readers.csv_table import Table, batches, open_table
from sightline.errors import DataError

_RGB = 3


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read CSV files.

    `settings.label_column` is the label, `settings.metadata_columns` are metadata, row numbers are
    left out, and all other columns are pixels, row by row, the RGB values of a pixel side by side.
    Without names, the label is the first or last column. Images have the configured shape, else
    they are square, grey or RGB. Raises DataError for a malformed file.
    """
    opened = [open_table(paths[0], settings.label_column) for paths in layout.files.values()]
    tables, notes = csv_columns.assign(opened, settings)
    shapes = {_shape(table, settings) for table in tables}
    if len(shapes) > 1:
        raise DataError(f"{layout.path}: its files differ in the number of pixel columns.")
    shape = shapes.pop()
    class_names, numbers = labels.encode(csv_labels.as_integers(list(map(_labels, tables))))

    def split(table: Table, name: str, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name,
            split_labels,
            images=lambda: raw_blocks(to_pixels(_rows(table), str(table.path), shape)),
            source=lambda row: f"{table.path.name}#{row}",
            metadata=(lambda: _metadata(table)) if table.metadata else None,
        )

    splits = tuple(map(split, tables, layout.files, numbers))
    return RawDataset(class_names, shape, splits, (*layout.notes, *notes))


def _rows(table: Table) -> Iterator[NDArray[np.float32]]:
    for batch in batches(table, dict.fromkeys(table.pixels, pa.float32())):
        yield np.stack([column.to_numpy(zero_copy_only=False) for column in batch], axis=-1)


def _metadata(table: Table) -> Metadata:
    """Stream the metadata columns; an empty cell is a missing value."""
    row = 0
    for batch in batches(table, dict.fromkeys(table.metadata, pa.string())):
        trimmed = [pc.utf8_trim_whitespace(column) for column in batch]
        cells = [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]
        named = pa.RecordBatch.from_arrays(cells, names=table.metadata)
        yield metadata.as_text(named, table.path, row)
        row += len(batch)


def _shape(table: Table, settings: DataConfig) -> Shape:
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


def _labels(table: Table) -> labels.FoundLabels:
    collector = labels.LabelCollector(str(table.path))
    for batch in batches(table, {table.label: pa.string()}):
        cells = [cell.strip() or None for cell in batch.column(0).to_pylist()]
        collector.add(pa.array(cells, pa.string()))
    return collector.found()
