"""Read CSV files with a label column and one column per pixel."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.labelling import csv_labels, labels, unlabelled
from sightline.data.labelling.label_columns import find_label_column
from sightline.data.layout import Layout
from sightline.data.readers import metadata
from sightline.data.readers.base import (
    Metadata,
    Origin,
    RawDataset,
    RawSplit,
    Shape,
    raw_blocks,
    to_pixels,
)
from sightline.data.readers.csv import csv_columns, csv_pixel_text
from sightline.data.readers.csv.csv_splits import read_splits
from sightline.data.readers.csv.csv_table import Table, batches, count_rows, open_table
from sightline.data.readers.pixel_layout import PixelLayout, find_row_layout, shape_of_row
from sightline.data.readers.pixel_scale import Scale, deep_white, describe_dark, find_scale
from sightline.errors import DataError
from sightline.storage.text import quoted

_Mask = NDArray[np.bool_] | None  # Rows of a split, of shape (n,); None if it has all
_Part = tuple[str, Table, _Mask]


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read CSV files.

    `settings.label_column` is the label, `settings.metadata_columns` are metadata, row numbers are
    left out, and all other columns are pixels, row by row, the RGB values of a pixel side by side
    or in planes.
    Without names, the label is the first or last column. One column may hold all pixels as text,
    and a column `Usage` or `split` the splits of a single file. Images have the configured shape,
    else they are square, grey or RGB. Raises DataError for a malformed file.
    """
    opened, others = _open(layout, settings)
    tables, notes = csv_columns.assign([*opened.values()], settings)
    bare = {name: csv_columns.assign_like(tables[0], table) for name, table in others.items()}
    shapes = {_shape(table, settings) for table in (*tables, *bare.values())}
    if len(shapes) > 1:
        raise DataError(f"{layout.path}: its files differ in the number of pixel columns.")
    shape = shapes.pop()
    parts = _parts(tables, [*opened])
    given = csv_labels.as_integers(list(map(_labels, tables)))
    if len(tables) < len(parts):
        given = [_select(given[0], name, mask) for name, _, mask in parts if mask is not None]
    names = [name for name, *_ in parts]
    found = unlabelled.leave_out(dict(zip(names, given, strict=True)))
    class_names, numbers = labels.encode([*found.values()])
    kept = dict.fromkeys(table for name, table, _ in parts if name in found)
    values = [partial(_values, table) for table in kept]
    scale = find_scale(values, settings.white)
    pixels = find_row_layout(_values(tables[0]), shape)

    def split(part: _Part, split_labels: NDArray[np.int64]) -> RawSplit:
        name, table, mask = part
        rows = np.flatnonzero(mask) if mask is not None else None
        return RawSplit(
            name,
            split_labels,
            place=f"file {table.path.name}" if mask is None else f"column {table.split}",
            images=lambda: raw_blocks(_images(table, pixels, mask, scale)),
            source=lambda row: f"{table.path.name}#{row if rows is None else rows[row]}",
            metadata=(lambda: _metadata(table, mask)) if table.metadata else None,
        )

    notes = (*layout.notes, *notes, *labels.describe_normalized(found.values()), *pixels.notes)
    return RawDataset(
        class_names,
        shape,
        tuple(map(split, (part for part in parts if part[0] in found), numbers)),
        _origin(tables[0], settings),
        (*notes, *([scale.note] if scale else describe_dark(values))),
        white=deep_white(scale),
        unlabelled=tuple(
            split((name, table, mask), unlabelled.no_labels(_count(table, mask)))
            for name, table, mask in (*parts, *((*one, None) for one in bare.items()))
            if name not in found
        ),
    )


def _origin(train: Table, settings: DataConfig) -> Origin:
    chosen = train.label if train.label != settings.label_column else None
    unnamed = "" if train.has_header else ", counted from 0"
    return Origin("CSV", f"column {quoted(train.label)} of {train.path.name}{unnamed}", chosen)


def _count(table: Table, mask: _Mask) -> int:
    return count_rows(table) if mask is None else int(mask.sum())


def _open(layout: Layout, settings: DataConfig) -> tuple[dict[str, Table], dict[str, Table]]:
    """Open the files of the splits; return those without the labels that the first one has last."""
    column = settings.label_column
    opened = {split: open_table(paths[0], column) for split, paths in layout.files.items()}
    train = next(iter(opened.values()))
    kept = {
        split: table
        for split, table in opened.items()
        if not (table.has_header and find_label_column(train.columns, column))
        or find_label_column(table.columns, column)
    }
    return kept, {split: table for split, table in opened.items() if split not in kept}


def _parts(tables: Sequence[Table], splits: Sequence[str]) -> list[_Part]:
    """Return name, file and rows of each split; all rows if the mask is None."""
    if len(tables) == 1 and tables[0].split:
        masks = read_splits(tables[0])
        return [(name, tables[0], mask) for name, mask in masks.items()]
    return [(name, table, None) for name, table in zip(splits, tables, strict=True)]


def _select(found: labels.FoundLabels, name: str, mask: NDArray[np.bool_]) -> labels.FoundLabels:
    """Return the labels of some rows, and of the values only those that occur there."""
    used, codes = np.unique(found.codes[mask], return_inverse=True)
    values = tuple(found.values[code] for code in used)
    return labels.FoundLabels(f"{found.subject} ({name})", values, codes.astype(np.int16))


def _images(
    table: Table, pixels: PixelLayout, mask: _Mask, scale: Scale | None
) -> Iterator[NDArray[np.uint8]]:
    row = 0
    values = _values(table)
    scaled = scale.levels(values) if scale else values
    for images in to_pixels(pixels.arrange(scaled), str(table.path), pixels.shape):
        chosen = images if mask is None else images[mask[row : row + len(images)]]
        row += len(images)
        if len(chosen):
            yield chosen


def _values(table: Table) -> Iterator[NDArray[np.float32]]:
    return csv_pixel_text.rows(table) if table.pixel_text else _rows(table)


def _rows(table: Table) -> Iterator[NDArray[np.float32]]:
    for batch in batches(table, dict.fromkeys(table.pixels, pa.float32())):
        yield np.stack([column.to_numpy(zero_copy_only=False) for column in batch], axis=-1)


def _metadata(table: Table, mask: _Mask) -> Metadata:
    """Stream the metadata columns; an empty cell is a missing value."""
    row = 0
    for batch in batches(table, dict.fromkeys(table.metadata, pa.string())):
        trimmed = [pc.utf8_trim_whitespace(column) for column in batch]
        cells = [pc.if_else(pc.equal(column, ""), None, column) for column in trimmed]
        named = pa.RecordBatch.from_arrays(cells, names=table.metadata)
        text = metadata.as_text(named, table.path, row)
        yield text if mask is None else text.filter(pa.array(mask[row : row + len(batch)]))
        row += len(batch)


def _shape(table: Table, settings: DataConfig) -> Shape:
    count = csv_pixel_text.pixel_count(table) if table.pixel_text else len(table.pixels)
    if shape := shape_of_row(count, settings):
        return shape
    if texts := csv_columns.find_text(table):
        raise DataError(
            f"{table.path}: expected pixels in all columns but the label, found text in "
            f"{metadata.list_columns(texts)}; remove these columns, or add them to "
            "data.metadata_columns."
        )
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
