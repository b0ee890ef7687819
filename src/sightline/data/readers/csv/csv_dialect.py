"""Find how a CSV file is written: its encoding, its separator and its decimal point."""

import csv
from pathlib import Path
from typing import NamedTuple

from sightline.errors import DataError
from sightline.storage.text import quoted

_SEPARATORS = (",", ";", "\t")
_LINE_BYTES = 4 << 20  # A line may be endless
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Dialect(NamedTuple):
    """How a CSV file is written."""

    encoding: str = "utf-8-sig"
    separator: str = ","
    decimal_point: str = "."
    is_trailed: bool = False  # Whether a separator ends the rows, but not the header


PLAIN = Dialect()


def find_dialect(path: Path) -> Dialect:
    """Find the dialect of a file by its first two lines.

    The file is UTF-8, or UTF-16 if it starts with the byte order mark that spreadsheets write. The
    separator is the comma, semicolon or tab that splits the first line into the most cells; beside
    semicolons, a comma can be the decimal point. Raises DataError for another encoding.
    """
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
    try:
        with path.open(encoding=encoding, newline=None) as lines:
            first, second = lines.readline(_LINE_BYTES), lines.readline(_LINE_BYTES)
        cells = {one: len(next(csv.reader([first], delimiter=one), [])) for one in _SEPARATORS}
    except (UnicodeError, csv.Error) as error:
        raise DataError(
            f"{path} is not a CSV file in UTF-8: {quoted(error)}; save it as UTF-8."
        ) from None
    separator = max(_SEPARATORS, key=cells.__getitem__)
    decimal_point = "," if separator == ";" and "," in second else "."
    is_trailed = (
        '"' not in second
        and second.rstrip("\r\n").endswith(separator)
        and second.count(separator) == cells[separator]
    )
    return Dialect(encoding, separator, decimal_point, is_trailed)
