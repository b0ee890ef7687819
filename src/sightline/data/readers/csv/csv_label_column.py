"""Find the label column of a CSV file whose columns have no names."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from sightline.data.labelling.class_names import MAX_CLASSES
from sightline.data.readers.csv.csv_table import Table, batches
from sightline.errors import DataError

_PIXELS = frozenset(map(str, range(256)))
_MANY = 128  # A pixel that has more values than this, bright ones too, spans the range
_BRIGHT = 250
_DOMINANT = 0.9  # Share of the commonest value from which a column may be a border pixel
_STRAY = 0.1  # Share of values that may be mistakes in a pixel column


class _Values:
    """The values of one column; counting stops at `MAX_CLASSES`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows = 0

    def add(self, column: pa.Array) -> None:
        self.rows += len(column)
        for item in pc.value_counts(pc.utf8_trim_whitespace(column)).to_pylist():
            value = _plain(item["values"])
            if len(self.counts) <= MAX_CLASSES or value in self.counts:
                self.counts[value] += item["counts"]

    @property
    def number(self) -> int:
        return len(self.counts)

    @property
    def repeats(self) -> bool:
        return self.number <= min(MAX_CLASSES, self.rows / 2)

    @property
    def is_outside(self) -> bool:
        """Whether these cannot be pixels, but for a few mistakes."""
        stray = sum(count for value, count in self.counts.items() if value not in _PIXELS)
        return stray > _STRAY * self.rows or self.number > MAX_CLASSES

    @property
    def is_spread(self) -> bool:
        """Whether these cannot be classes: hardly one value occurs twice, or they fill a range."""
        bright = any(int(value) >= _BRIGHT for value in _PIXELS.intersection(self.counts))
        return not self.repeats or (self.number > _MANY and bright)

    @property
    def is_consecutive(self) -> bool:
        return any(
            set(self.counts) == set(map(str, range(first, first + self.number)))
            for first in (-1, 0, 1)
        )

    @property
    def is_dominated(self) -> bool:
        return max(self.counts.values(), default=0) > _DOMINANT * self.rows


def find_label(table: Table) -> str:
    """Return the name of the first or last column, whichever has values of classes.

    A column of words, or of numbers that are not pixels, is the label. Otherwise it is the one
    whose values repeat, if the other is a pixel for certain: it has one value, spans the range of
    pixels or hardly repeats a value. If both can be classes, their order decides
    (`_choose_by_order`). Raises DataError in doubt.
    """
    numbers = [column for column in table.columns if column]
    ends = (numbers[0], numbers[-1])
    if ends[0] == ends[1]:
        return ends[0]
    values = (_Values(), _Values())
    for batch in batches(table, dict.fromkeys(ends, pa.string())):
        for found, column in zip(values, batch.columns, strict=True):
            found.add(column)
    position = _choose(*values)
    if position is None:
        raise DataError(
            f"{table.path}: its columns have no names, and the label can be the first or the last "
            f"one; set data.label_column to {ends[0]} or {ends[1]}."
        )
    return ends[position]


def _choose(first: _Values, last: _Values) -> int | None:
    if first.is_outside and last.is_outside:
        return None
    for position, found in enumerate((first, last)):
        if found.is_outside and found.repeats:
            return position
    if last.number == 1 or (first.number == 1 and last.is_spread):
        return 0
    if first.number == 1:
        return 1
    if first.is_spread != last.is_spread:
        return int(first.is_spread)
    return None if first.is_spread else _choose_by_order(first, last)


def _choose_by_order(first: _Values, last: _Values) -> int | None:
    """Choose between two columns of few values: consecutive ones, the other with a background."""
    for position, (one, other) in enumerate([(first, last), (last, first)]):
        is_usual = position == 0 and other.is_dominated
        is_likely = not other.is_consecutive and (one.number < other.number or other.is_dominated)
        if one.is_consecutive and not one.is_dominated and (is_usual or is_likely):
            return position
    return None


def _plain(text: str) -> str:
    """Return an integer that is written as a float as NumPy and pandas do, without its point."""
    try:
        number = float(text)
    except ValueError:
        return text
    plain = str(int(number)) if number.is_integer() else text
    return plain if plain in _PIXELS else text
