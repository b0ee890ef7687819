"""Open CSV files, with or without a header, and stream their columns."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from sightline.data.readers import content
from sightline.data.readers.base import check_count
from sightline.data.readers.csv.csv_dialect import PLAIN, Dialect, find_dialect
from sightline.data.remote.remote_path import as_input
from sightline.errors import DataError
from sightline.storage.text import quoted

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class Table:
    """A CSV file and what its columns are."""

    path: Path
    columns: tuple[str, ...]  # Names of the header, or numbers from 0 if there is none
    has_header: bool
    label: str = ""
    metadata: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # Columns that number the rows
    split: str = ""  # Column that states the split of each row
    pixel_text: str = ""  # Column that holds all pixels of a row, separated by blanks
    pixel_order: tuple[str, ...] = ()  # The pixel columns in the order of the pixels, if it differs
    dialect: Dialect = PLAIN

    @property
    def is_numbered(self) -> bool:
        """Whether the columns are called 0, 1, 2, ..., by a header or for want of one."""
        return is_count(self.columns)

    @property
    def pixels(self) -> list[str]:
        """All other columns, in order; if one holds all pixels, that one."""
        if self.pixel_text:
            return [self.pixel_text]
        if self.pixel_order:
            return [*self.pixel_order]
        others = {self.label, *self.metadata, *self.left_out, self.split or self.label}
        return [column for column in self.columns if column not in others]


def open_table(path: Path, label_column: str) -> Table:
    """Read the first row of a file; raise DataError if it is malformed, or nothing follows it."""
    content.check_head(path)
    dialect = find_dialect(path)
    try:
        with path.open(encoding=dialect.encoding, newline="") as file:
            lines = iter(partial(file.readline, _BLOCK_BYTES), "")  # a line may be endless
            cells = next(csv.reader(lines, delimiter=dialect.separator), [])
            has_rows = any(line.strip() for line in lines)
    except (UnicodeError, csv.Error) as error:
        raise DataError(
            f"{path} is not a CSV file in UTF-8: {quoted(error)}; save it as UTF-8."
        ) from None
    first = tuple(cell.strip() for cell in cells)
    if not first:
        raise DataError(f"{path}: its first line is blank; expected a header or numbers.")
    if not _is_header(first, label_column):
        numbers = tuple(map(str, range(len(first))))
        return Table(path, numbers, has_header=False, dialect=dialect)
    if not has_rows:
        check_count(str(path), 0)
    if len(set(first)) < len(first):
        raise DataError(f"{path}: two columns have the same name; rename one.")
    if dialect.is_trailed:
        first = (*first, f"Unnamed: {len(first)}")
    return Table(path, first, has_header=True, dialect=dialect)


def batches(table: Table, kinds: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a file, each parsed as the given type."""
    dialect = table.dialect
    read_options = pyarrow.csv.ReadOptions(
        column_names=table.columns,
        skip_rows=int(table.has_header),
        block_size=_BLOCK_BYTES,
        encoding=dialect.encoding.removesuffix("-sig"),
    )
    parse_options = pyarrow.csv.ParseOptions(delimiter=dialect.separator)
    convert_options = pyarrow.csv.ConvertOptions(
        column_types=kinds,
        include_columns=list(kinds),
        strings_can_be_null=False,
        decimal_point=dialect.decimal_point,
    )
    try:
        with pyarrow.csv.open_csv(
            as_input(table.path),
            read_options=read_options,
            parse_options=parse_options,
            convert_options=convert_options,
        ) as reader:
            yield from reader
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{table.path} cannot be read as CSV ({quoted(error)}); fix the row."
        ) from None


def count_rows(table: Table) -> int:
    """Return the number of rows below the header."""
    first = table.columns[0]
    return sum(len(batch) for batch in batches(table, {first: pa.string()}))


def is_count(names: Sequence[str]) -> bool:
    """Return whether names count up from 0, perhaps behind the blank name of an index column."""
    numbers = names[1:] if names[0] == "" else names
    return len(numbers) > 1 and list(numbers) == [str(index) for index in range(len(numbers))]


def _is_header(first: Sequence[str], label_column: str) -> bool:
    """Return whether the first row has names: not numbers, except numbers that count up.

    A row with one word at either end, beside numbers of which two are equal, is an image and its
    label.
    """
    words = [index for index, cell in enumerate(first) if not is_number(cell)]
    if not words or is_count(first):
        return is_count(first)
    has_label_at_end = words in ([0], [len(first) - 1]) and first[words[0]] not in (
        "",
        label_column,
    )
    return not (has_label_at_end and len(set(first)) < len(first))


def is_number(text: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
