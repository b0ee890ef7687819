"""Turn the labels of any source into class names and numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.labelling import class_names
from sightline.data.labelling.class_names import MAX_CLASSES, MIN_CLASSES
from sightline.data.labelling.label_values import to_values
from sightline.data.layout import Detail
from sightline.data.readers.base import MAX_EXAMPLES, check_count
from sightline.errors import DataError
from sightline.storage.text import quoted

Value = int | str

_MAX_NAMES = 3  # In a note


@dataclass(frozen=True)
class FoundLabels:
    """The labels of one split as the source states them."""

    subject: str  # File or array to name in an error
    # The distinct labels, all integers or all strings, in any order; none if all are missing
    values: tuple[Value, ...]
    codes: NDArray[np.int16]  # int16 array of shape (n,): for each example, a position in `values`


class LabelCollector:
    """Collects labels batch by batch, in two bytes per example."""

    def __init__(self, subject: str) -> None:
        """Start empty; `subject` is the file or array to name in an error."""
        self._subject = subject
        self._codes: dict[Value, int] = {}
        self._chunks: list[NDArray[np.int16]] = []
        self.rows = 0  # Number of labels so far
        self._missing = 0  # Number of missing labels
        self._first_missing = 0  # Row of the first one

    def add(self, labels: Any, numbers: Mapping[int, int] | None = None) -> None:
        """Add a pyarrow array, see `to_values`; replace those integers that `numbers` maps.

        Raises DataError if a number is not integral or a label of another type, or there are too
        many classes.
        """
        plain = to_values(labels, self._subject, self.rows)
        encoded = plain.dictionary_encode()
        found = encoded.dictionary.to_pylist()
        values = [(numbers or {}).get(value, value) for value in found]
        if len({type(value) for value in (*self._codes, *values)}) > 1:
            raise DataError(
                f"{self._subject}: expected either integers or strings as labels, found both."
            )
        lookup = [self._codes.setdefault(value, len(self._codes)) for value in values] or [0]
        if len(self._codes) > MAX_CLASSES:
            raise DataError(
                f"{self._subject}: expected at most {MAX_CLASSES:,} distinct labels, found more; "
                "check that this is the label column."
            )
        if plain.null_count and not self._missing:
            self._first_missing = self.rows + int(np.argmax(np.asarray(plain.is_null())))
        self._missing += plain.null_count
        codes = np.asarray(encoded.indices.fill_null(0))
        self._chunks.append(np.asarray(lookup, dtype=np.int16)[codes])
        self.rows += len(plain)
        if self.rows > MAX_EXAMPLES:
            check_count(self._subject, self.rows)

    def found(self) -> FoundLabels:
        """Return all labels.

        Raises DataError for a split without examples, and for a missing label unless all are.
        """
        check_count(self._subject, self.rows)
        if 0 < self._missing < self.rows:
            raise _missing(self._subject, self._first_missing)
        return FoundLabels(self._subject, tuple(self._codes), np.concatenate(self._chunks))


def encode(
    found: Sequence[FoundLabels], names: Sequence[str] | None = None
) -> tuple[tuple[str, ...], tuple[NDArray[np.int64], ...]]:
    """Encode the labels of all splits, the training split first, as numbers.

    Text is normalized (`class_names.normalize`). If the source states class `names`, labels are
    positions in them, or the names themselves; else classes are in the order of
    `class_names.in_order`, and numbers in one split are text if another split has text.
    Returns class names in label order, and for each split an int64 array of shape (n,). Raises
    DataError if there are fewer than 2 or more than 1,000 classes, a name is unprintable, two names
    become one, a label is out of range, or a test label never occurs in the training split.
    """
    subject = found[0].subject
    if not found[0].values:
        raise _missing(subject, 0)
    if len(found[0].values) < MIN_CLASSES:
        only = quoted(repr(found[0].values[0]))
        raise DataError(f"{subject} has only one class ({only}); expected at least 2.")
    splits = [_normalize(split, ignore_case=names is None) for split in found]
    positions: dict[Value, int]
    if names is None:
        splits = _of_one_type(splits)
        order = _in_order(splits[0].values, subject)
        chosen = tuple(map(str, order))
        positions = {value: position for position, value in enumerate(order)}
    else:
        chosen = class_names.normalize_all(names, subject, ignore_case=False)
        class_names.check(chosen, subject)
        positions = {name: position for position, name in enumerate(chosen)}
        positions |= {position: position for position in range(len(chosen))}
    trained = {positions.get(value) for value in splits[0].values}
    numbers = []
    for split in splits:
        for value in split.values:
            if names is not None and value not in positions:
                raise _outside(split, value, chosen)
            if positions.get(value) not in trained:
                raise _untrained(split, value, splits[0], None if names is None else chosen)
        lookup = np.asarray([positions[value] for value in split.values], dtype=np.int64)
        numbers.append(lookup[split.codes])
    return chosen, tuple(numbers)


def _missing(subject: str, row: int) -> DataError:
    return DataError(
        f"{subject}, row {row} (counted from 0): the label is missing; add it, or remove the row."
    )


def describe_normalized(found: Iterable[FoundLabels]) -> tuple[str, ...]:
    """Return a note on up to three class names that `encode` writes in another form, if any."""
    texts = {value for split in found for value in split.values if isinstance(value, str)}
    changed = sorted(text for text in texts if class_names.normalize(text) != text)
    if not changed:
        return ()
    shown = ", ".join(quoted(ascii(text), 40) for text in changed[:_MAX_NAMES])
    more = f" and {len(changed) - _MAX_NAMES:,} more" if len(changed) > _MAX_NAMES else ""
    return (Detail(f"Class names without blanks around, in Unicode form NFC: {shown}{more}."),)


def _normalize(split: FoundLabels, *, ignore_case: bool) -> FoundLabels:
    texts = [value for value in split.values if isinstance(value, str)]
    if not texts:
        return split
    names = class_names.normalize_all(texts, split.subject, ignore_case=ignore_case)
    return replace(split, values=names)


def _of_one_type(splits: list[FoundLabels]) -> list[FoundLabels]:
    """Convert numbers to text if another split has text, so that 7 and "7" are one class."""
    if len({type(split.values[0]) for split in splits}) == 1:
        return splits
    return [replace(split, values=tuple(map(str, split.values))) for split in splits]


def _in_order(values: Sequence[Value], subject: str) -> tuple[Value, ...]:
    class_names.check(tuple(map(str, values)), subject)
    numbers = [value for value in values if isinstance(value, int)]
    return tuple(sorted(numbers)) or class_names.in_order(tuple(map(str, values)))


def _outside(split: FoundLabels, value: Value, names: Sequence[str]) -> DataError:
    first, last = (0, len(names) - 1) if isinstance(value, int) else (names[0], names[-1])
    return DataError(
        f"{_first_row(split, value)} is not one of the {len(names):,} classes; expected "
        f"{first!r} to {last!r}."
    )


def _untrained(
    split: FoundLabels, value: Value, train: FoundLabels, names: Sequence[str] | None
) -> DataError:
    count = int(np.count_nonzero(split.codes == split.values.index(value)))
    similar = next((one for one in train.values if _folded(one) == _folded(value)), None)
    remedy = "add training images of this class, or remove these"
    if similar is not None:
        remedy = f"there, it is {quoted(repr(similar))}: use one spelling"
    name = f" ({quoted(repr(names[value]))})" if names and isinstance(value, int) else ""
    return DataError(
        f"{_first_row(split, value)}{name} never occurs in the training split, but {count:,} "
        f"image(s) of this split have it; {remedy}."
    )


def _folded(value: Value) -> str:
    """Return a label without case and leading zeros."""
    return str(value).lower().lstrip("0") or "0"


def _first_row(split: FoundLabels, value: Value) -> str:
    row = int(np.argmax(split.codes == split.values.index(value)))
    return f"{split.subject}, row {row} (counted from 0): the label {quoted(repr(value))}"
