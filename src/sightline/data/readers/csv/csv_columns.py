"""Decide which columns of CSV files are labels, metadata and pixels."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sightline.config import DataConfig
from sightline.data.labelling.label_columns import DEFAULT, find_label_column
from sightline.data.layout import Detail
from sightline.data.readers import metadata
from sightline.data.readers.csv.csv_label_column import find_label
from sightline.data.readers.csv.csv_pixel_order import find_order
from sightline.data.readers.csv.csv_pixel_text import find_pixel_text
from sightline.data.readers.csv.csv_splits import COLUMNS
from sightline.data.readers.csv.csv_table import Table, batches, is_number
from sightline.errors import DataError
from sightline.storage.text import quoted

_ROW_NUMBER = re.compile(r"|id|index|(image|row)[ _]?id|unnamed: ?\d+(\.\d+)?", re.IGNORECASE)


def assign(
    tables: Sequence[Table], settings: DataConfig
) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Name the label, metadata and left-out columns of the files of all splits, training first.

    The label is `settings.label_column`. If that has its default and the columns are only numbered,
    the label is found by the values of the training file, and has the same position in the others.
    Returns the tables and notes about what was recognized. Raises DataError if a column is missing,
    or one is called like a row number but has no distinct integers.
    """
    assigned: list[Table] = []
    notes: list[str] = []
    for opened in tables:
        table = _recognize(opened, settings)
        label = _label(table, assigned[0] if assigned else None, settings)
        others = [name for name in table.columns if name != label and table.has_header]
        metadata.check_columns(table.path, others, settings)
        table = replace(table, label=label)
        left_out = tuple(column for column in table.pixels if _is_left_out(table, column))
        ordered = replace(table, left_out=left_out)
        order = find_order(ordered.pixels, assigned[0].pixels if assigned else None)
        assigned.append(replace(ordered, pixel_order=order or ()))
        notes += _notes(assigned[-1], settings, is_only=len(tables) == 1)
    return tuple(assigned), tuple(dict.fromkeys(notes))


def assign_like(train: Table, table: Table) -> Table:
    """Name the pixel columns of a file without labels: those of the training file.

    Raises DataError if one is missing.
    """
    missing = [column for column in train.pixels if column not in table.columns]
    if missing:
        raise DataError(
            f"{table.path} has no labels, and no column {missing[0]!r} as {train.path} has; add "
            "the pixel columns, or remove the file."
        )
    return replace(table, pixel_text=train.pixel_text, pixel_order=tuple(train.pixels))


def _recognize(table: Table, settings: DataConfig) -> Table:
    """Find the column of splits and that of pixels as text, by name and by the first row."""
    named = [name for name in table.columns if name.strip().lower() in COLUMNS]
    split = named[0] if len(named) == 1 and settings.label_column not in named else ""
    text = find_pixel_text(table)
    return replace(table, split=split, pixel_text=text, metadata=settings.metadata_columns)


def _label(table: Table, train: Table | None, settings: DataConfig) -> str:
    if named := find_label_column(table.columns, settings.label_column):
        return named
    known = {table.pixel_text, table.split, *table.metadata}
    others = [name for name in {*table.columns} - known if not _ROW_NUMBER.fullmatch(name)]
    if table.pixel_text and len(others) == 1 and settings.label_column == DEFAULT:
        return others[0]
    if settings.label_column != DEFAULT or not table.is_numbered:
        found = metadata.list_columns(table.columns)
        if not table.has_header:
            found = f"columns without names, numbered from 0 to {len(table.columns) - 1}"
        raise DataError(
            f"{table.path}: expected one column {settings.label_column!r}, found {found}; set "
            "data.label_column."
        )
    if train is None:
        return find_label(table)
    if len(table.columns) != len(train.columns):
        raise DataError(
            f"{table.path} has {len(table.columns):,} columns, but {train.path} has "
            f"{len(train.columns):,}; use files of one form."
        )
    return table.columns[train.columns.index(train.label)]


def find_text(table: Table) -> list[str]:
    """Return the pixel columns that have text in the first row."""
    batch = next(batches(table, dict.fromkeys(table.pixels, pa.string())), None)
    if table.pixel_text or batch is None or not len(batch):
        return []
    first = batch.slice(0, 1).to_pylist()[0]
    return [name for name, cell in first.items() if cell.strip() and not is_number(cell)]


def _is_left_out(table: Table, column: str) -> bool:
    """Return whether a column has row numbers or is empty; raise DataError if it is only so called.

    A separator at the end of each line makes an empty column without a name.
    """
    if not table.has_header or not _ROW_NUMBER.fullmatch(column):
        return False
    chunks = [np.empty(0, np.int64)]
    is_blank, are_integers = True, True
    for batch in batches(table, {column: pa.string()}):
        cells = pc.utf8_trim_whitespace(batch.column(0))
        is_blank &= pc.max(pc.utf8_length(cells)).as_py() in {0, None}
        try:
            chunks.append(cells.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            are_integers = False
    values = np.concatenate(chunks)
    if is_blank or (are_integers and np.unique(values).size == values.size):
        return True
    raise DataError(
        f"{table.path}: the column {column!r} is called like a row number, but its values are not "
        "distinct integers; remove it, rename it or add it to data.metadata_columns."
    )


def _notes(table: Table, settings: DataConfig, *, is_only: bool) -> list[str]:
    notes: list[str] = []
    file = table.path.name
    if table.has_header and table.is_numbered:
        header = f"Taken as a header, as it counts up from 0: the first row of {file}."
        notes.append(Detail(header))
    if table.label not in {settings.label_column, "0"}:
        notes.append(Detail(f"Taken as the label: column {quoted(table.label)} of {file}."))
    for column in table.left_out:
        name = f"{quoted(repr(column))} of {file}"
        notes.append(Detail(f"Left out, as it numbers the rows or is empty: the column {name}."))
    if table.pixel_order:
        notes.append(f"Taken in the order of their names: the pixel columns of {file}.")
    unused = [table.split] if table.split and not is_only else []
    if table.pixel_text:
        used = {table.label, table.pixel_text, *table.metadata, *table.left_out, table.split}
        unused += [column for column in table.columns if column not in used]
    if unused:
        notes.append(f"Left out, as not pixels: {metadata.list_columns(unused)} of {file}.")
    return notes
