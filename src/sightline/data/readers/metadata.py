"""Columns of a source that say more of an image than its label; they are kept as text."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sightline.config import DataConfig
from sightline.errors import DataError
from sightline.storage.text import quoted

_MAX_CHARACTERS = 1000
_COLUMNS_SHOWN = 8


def check_columns(path: Path, there: Sequence[str], settings: DataConfig) -> None:
    """Make sure that a file has the metadata columns that the config names.

    Args:
        path: The file.
        there: Its columns, without those of the label and the image.
        settings: Names the metadata columns.

    Raises:
        DataError: One is missing or there twice; the message suggests the nearest.
    """
    for column in settings.metadata_columns:
        if there.count(column) != 1:
            near = difflib.get_close_matches(column, there, n=1)
            suggestion = f", did you mean {quoted(repr(near[0]))}?" if near else ""
            raise DataError(
                f"{path}: expected one metadata column {column!r}{suggestion}; beside label and "
                f"image it has {quoted(', '.join(there[:_COLUMNS_SHOWN]) or 'none')}"
                f"{' …' if len(there) > _COLUMNS_SHOWN else ''}: set data.metadata_columns."
            )


def as_text(batch: Any, path: Path, first_row: int) -> Any:
    """Write the values of metadata columns as text; what is missing stays so.

    Args:
        batch: pyarrow record batch of strings, numbers, truth values, dates or times.
        path: File to name in an error.
        first_row: Number of the batch's first row, counted from 0.

    Returns:
        Record batch of the same columns as strings.

    Raises:
        DataError: A column is of another type, or a value is no text in UTF-8 or too long.
    """
    text = {
        name: _text(column, name, path, first_row)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    return pa.RecordBatch.from_pydict(text)


def _text(column: Any, name: str, path: Path, first_row: int) -> Any:
    try:
        text = column.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowException:  # an image, a list, or bytes that are no UTF-8
        raise DataError(
            f"{path}: expected text, numbers or dates in the metadata column {name!r}, found "
            f"{quoted(column.type)} that cannot be written as text; leave it out of "
            "data.metadata_columns."
        ) from None
    too_long = np.flatnonzero(pc.greater(pc.utf8_length(text), _MAX_CHARACTERS).fill_null(False))
    if len(too_long):
        raise DataError(
            f"{path}, row {first_row + int(too_long[0])} (counted from 0): expected at most "
            f"{_MAX_CHARACTERS:,} characters in the metadata column {name!r}; leave it out of "
            "data.metadata_columns."
        )
    return text
