"""Find and read a table that labels image files, such as `metadata.csv` or `labels.csv`."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sightline.data.folder import check_link, list_folder
from sightline.data.labelling.class_names import MIN_CLASSES
from sightline.data.labelling.label_columns import DEFAULT, LABEL_COLUMNS
from sightline.data.labelling.label_values import is_missing
from sightline.data.readers import content
from sightline.data.readers.csv.csv_dialect import find_dialect
from sightline.errors import DataError
from sightline.storage.text import quoted

FILE_COLUMNS = (
    *("file_name", "filename", "file", "path", "filepath", "file_path", "image_path", "img_path"),
    *("image_name", "img_name", "image_file", "fname", "image", "img", "image_id", "id_code", "id"),
)
"""Names of columns of files, in lower case; the first that a table has is taken."""

_SUFFIXES = (".csv", ".tsv", ".jsonl")
_MOST_BYTES = 256 << 20
_FLAGS = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}


class Row(NamedTuple):
    """One row of a table: an image file as the table writes it, and its label."""

    number: int  # Counted from 0
    file: str
    label: str  # Empty if the table states none


def find_table(root: Path, folder: Path, names: Sequence[str]) -> Path | None:
    """Return the table for the images in `folder`: beside them, else one level up within `root`.

    Its name is metadata, labels, one of the `names` of the split, or such a name with "labels"
    (`trainLabels.csv`), in any case; and it has a column of files.
    """
    plain = [_letters(name) for name in names]
    stems = ["metadata", "labels", *(f"{name}labels" for name in plain), *plain]
    for place in (folder,) if folder == root else (folder, folder.parent):
        found: dict[str, Path] = {}
        for entry in list_folder(place):
            path = place / entry.name
            stem = _letters(path.stem)
            if stem in stems and path.suffix.lower() in _SUFFIXES and entry.is_file():
                check_link(root, entry)
                found.setdefault(stem, path)
        for stem in stems:
            if stem in found and has_file_column(found[stem]):
                return found[stem]
    return None


def _letters(name: str) -> str:
    return re.sub(r"[ _-]", "", name.lower())


def has_file_column(path: Path) -> bool:
    """Return whether the first row of a table names a column of files."""
    first = next(_records(path), {})
    return any(column in first for column in FILE_COLUMNS)


def read_table(path: Path, label_column: str) -> list[Row] | None:
    """Read a table; None if it has no column of labels.

    `label_column` is `data.label_column`; at its default, the only one of `LABEL_COLUMNS` is taken.
    Raises DataError if there are several of them or, naming the row, the table cannot be read.
    """
    column = find_label_column(path, label_column)
    if column is None:
        return read_one_hot(path) if label_column == DEFAULT else None
    rows = []
    for number, record in enumerate(_records(path)):
        label = record.get(column)
        if isinstance(label, list | dict):
            raise DataError(
                f"{path}, row {number} (counted from 0): expected one label, found "
                f"{quoted(label, 60)}; images with several labels cannot be used."
            )
        text = _text(label)
        rows.append(Row(number, _file(record), "" if is_missing(text) else text))
    return rows


def read_one_hot(path: Path) -> list[Row] | None:
    """Read a table with a column per class, a single 1 among zeros in each row, as of ISIC.

    Returns None if it has fewer than two such columns, or others beside the column of files. Raises
    DataError, naming the row, if a row has several ones or none.
    """
    rows = []
    for number, record in enumerate(_records(path, fold=False)):
        folded = {name.lower(): cell for name, cell in record.items()}
        classes = {name: cell for name, cell in record.items() if name.lower() not in FILE_COLUMNS}
        flags = [_FLAGS.get(_text(cell).lower()) for cell in classes.values()]
        if not number and (len(flags) < MIN_CLASSES or None in flags):
            return None
        if None in flags or flags.count(1) != 1:
            raise DataError(
                f"{path}, row {number} (counted from 0): expected a single 1 among zeros, as each "
                "column seems to be a class; images with several labels or none cannot be used: "
                "fix the row, or set data.label_column to one column."
            )
        rows.append(Row(number, _file(folded), [*classes][flags.index(1)]))
    return rows or None


def _file(record: Mapping[str, object]) -> str:
    return _text(next((record[column] for column in FILE_COLUMNS if column in record), ""))


def _text(cell: object) -> str:
    return "" if cell is None or isinstance(cell, list | dict) else str(cell).strip()


def find_label_column(path: Path, label_column: str) -> str | None:
    """Return the column of labels that `read_table` takes; None if there is none."""
    first = next(_records(path), {})
    name = label_column.strip().lower()
    if name in first:
        return name
    found = [column for column in LABEL_COLUMNS if column in first]
    if label_column != DEFAULT or not found:
        return None
    if len(found) > 1:
        raise DataError(
            f"{path} has several columns that may be the labels ({', '.join(found)}); set "
            "data.label_column to one of them."
        )
    return found[0]


def _records(path: Path, *, fold: bool = True) -> Iterator[dict[str, object]]:
    """Yield each row by column; names are without blanks around and, if folded, in lower case."""
    content.check_head(path)
    if path.stat().st_size > _MOST_BYTES:
        raise DataError(
            f"{path} is larger than 256 MiB; expected a table of file names and labels."
        )
    try:
        dialect = find_dialect(path)
        with path.open(encoding=dialect.encoding, newline="") as file:
            is_json = path.suffix.lower() == ".jsonl"
            table = csv.DictReader(file, delimiter=dialect.separator)
            for row in map(_parse, filter(str.strip, file)) if is_json else table:
                named = {key.strip(): cell for key, cell in row.items() if isinstance(key, str)}
                yield {key.lower(): cell for key, cell in named.items()} if fold else named
    except (ValueError, RecursionError, csv.Error) as error:
        raise DataError(f"{path} is not a table in UTF-8: {quoted(error)}; fix it.") from None


def _parse(line: str) -> dict[str, object]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError(f"expected an object in each line, found {line[:40]!r}")
    return row
