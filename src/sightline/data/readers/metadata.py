"""Read metadata columns of a source as text."""

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
_MAX_COLUMNS = 8


def check_columns(path: Path, present: Sequence[str], settings: DataConfig) -> None:
    """Check that a file has each configured metadata column exactly once.

    `present` are its columns without label and image. Raises DataError with the closest name.
    """
    for column in settings.metadata_columns:
        if present.count(column) != 1:
            near = difflib.get_close_matches(column, present, n=1)
            suggestion = f", did you mean {quoted(repr(near[0]))}?" if near else ""
            raise DataError(
                f"{path}: expected one metadata column {column!r}{suggestion}; its columns besides "
                f"label and image are {list_columns(present)}: set data.metadata_columns."
            )


def list_columns(names: Sequence[str]) -> str:
    """List the first columns of a file for an error message."""
    more = " …" if len(names) > _MAX_COLUMNS else ""
    return f"{quoted(', '.join(names[:_MAX_COLUMNS]) or 'none')}{more}"


def as_text(batch: Any, path: Path, first_row: int) -> Any:
    """Convert a record batch of metadata columns to text; missing values stay missing.

    `path` and `first_row`, counted from 0, are named in errors. Raises DataError if a column is not
    text, numbers, booleans, dates or times, or a value is not UTF-8 or is too long.
    """
    names = batch.schema.names
    return pa.RecordBatch.from_pydict(
        {name: _to_text(batch.column(name), name, path, first_row) for name in names}
    )


def _to_text(column: Any, name: str, path: Path, first_row: int) -> Any:
    try:
        text = column.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowException:  # an image, a list, or bytes that are not UTF-8
        raise DataError(
            f"{path}: expected text, numbers or dates in the metadata column {name!r}, found "
            f"{quoted(column.type)}; remove it from data.metadata_columns."
        ) from None
    too_long = np.flatnonzero(pc.greater(pc.utf8_length(text), _MAX_CHARACTERS).fill_null(False))
    if len(too_long):
        raise DataError(
            f"{path}, row {first_row + int(too_long[0])} (counted from 0): expected at most "
            f"{_MAX_CHARACTERS:,} characters in the metadata column {name!r}; remove it from "
            "data.metadata_columns."
        )
    return text
