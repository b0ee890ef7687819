"""Read images that are one text column of pixels, separated by blanks, as in FER-2013."""

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sightline.data.readers.csv.csv_table import Table, batches
from sightline.errors import DataError

_MAX_COLUMNS = 64  # Of a table that can have such a column
_NUMBERS = re.compile(r"\s*\d+(\s+\d+)+\s*")


def find_pixel_text(table: Table) -> str:
    """Return the only column whose first cell has several numbers; "" if there is none."""
    if not table.has_header or len(table.columns) > _MAX_COLUMNS:
        return ""
    batch = next(batches(table, dict.fromkeys(table.columns, pa.string())), None)
    if batch is None or not len(batch):
        return ""
    first = batch.slice(0, 1).to_pylist()[0]
    found = [column for column, cell in first.items() if _NUMBERS.fullmatch(cell)]
    return found[0] if len(found) == 1 else ""


def pixel_count(table: Table) -> int:
    """Return the number of pixels in the first row."""
    return int(next(rows(table)).shape[1])


def rows(table: Table) -> Iterator[NDArray[np.float32]]:
    """Stream the pixels: float32 of shape (m, pixels), not yet checked.

    Raises DataError, naming the row, for a cell with another number of pixels than the first, or
    with something else.
    """
    start, count = 0, None
    for batch in batches(table, {table.pixel_text: pa.string()}):
        if not len(batch):
            continue
        cells = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(batch.column(0)))
        lengths = pc.list_value_length(cells).to_numpy()
        count = count or int(lengths[0])
        if (lengths != count).any():
            row = int(np.argmax(lengths != count))
            raise DataError(
                f"{table.path}, row {start + row} (counted from 0): expected {count:,} pixels, "
                f"as in row 0, found {lengths[row]:,}; fix or remove the row."
            )
        try:
            values = pc.list_flatten(cells).cast(pa.float32()).to_numpy()
        except pa.ArrowInvalid:
            end = start + len(batch) - 1
            raise DataError(
                f"{table.path}, rows {start} to {end} (counted from 0): expected numbers, "
                f"separated by blanks, in the column {table.pixel_text!r}; fix the row."
            ) from None
        yield values.reshape(len(batch), count)
        start += len(batch)
