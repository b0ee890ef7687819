"""The form of a table, as text; `macros.html.j2` and `page.markdown_table` render it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sightline.records import Interval

NONE = "none"
MOST_ROWS = 50  # Tables of classes and slices are cut after this many rows


class Cell(NamedTuple):
    """A cell with more than its text."""

    text: str  # Its text
    note: str = ""  # A second line in small print, such as an interval
    weak: bool = False  # Whether the value needs attention

    def __str__(self) -> str:
        """Return the text and the note on one line."""
        return f"{self.text} ({self.note})" if self.note else self.text


class Table(NamedTuple):
    """A table of text; the first column names the row."""

    name: str  # What it shows, for screen readers
    # One letter per column: t(ext), n(umber), c(ode), l(ink to a file), s(entence) or i(mages),
    # which only the page shows and whose text is the class name
    kinds: str
    columns: Sequence[str]  # The heading of each column; empty for a table without headings
    rows: Sequence[Sequence[Cell | str]]  # The rows
    total: Sequence[str] = ()  # The last row, if any
    left_out: str = ""  # Where to find the rows that were cut

    def records(self) -> list[dict[str, str]]:
        """Return each row as a dictionary from column to text."""
        return [dict(zip(self.columns, map(str, row), strict=True)) for row in self.rows]


def times(sides: Iterable[int]) -> str:
    """Write the sides of an array with multiplication signs."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, sides))


def interval(ends: Interval | None) -> str:
    """Write both ends of an interval of shares; empty if it is unknown."""
    return f"{ends[0]:.2%} to {ends[1]:.2%}" if ends else ""


def left_out(rows: int, what: str, file: str) -> str:
    """Write where to find the rows of a table that were cut, if any."""
    return f"{rows - MOST_ROWS:,} more {what} are in {file}." if rows > MOST_ROWS else ""
