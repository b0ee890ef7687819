"""Turn the labels of any source into class names and numbers."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.data.readers.base import MAX_EXAMPLES, check_count
from sightline.errors import DataError
from sightline.storage.text import quoted

MIN_CLASSES, MAX_CLASSES = 2, 1000
_MAX_NAME = 200
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, half a surrogate pair, line ends

Value = int | str


@dataclass(frozen=True)
class FoundLabels:
    """The labels of one split as the source states them."""

    subject: str  # File or array to name in an error
    values: tuple[Value, ...]  # The distinct labels, all integers or all strings, in any order
    codes: NDArray[np.int16]  # int16 array of shape (n,): for each example, a position in `values`


class LabelCollector:
    """Collects labels batch by batch, in two bytes per example."""

    def __init__(self, subject: str) -> None:
        """Start empty; `subject` is the file or array to name in an error."""
        self._subject = subject
        self._codes: dict[Value, int] = {}
        self._chunks: list[NDArray[np.int16]] = []
        self.rows = 0  # Number of labels so far

    def add(self, labels: Any) -> None:
        """Add a pyarrow array of integers or strings.

        Raises DataError if a label is missing or of another type, or there are too many classes.
        """
        is_encoded = pa.types.is_dictionary(labels.type)
        kind = labels.type.value_type if is_encoded else labels.type
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not (is_text or pa.types.is_integer(kind)):
            raise DataError(
                f"{self._subject}: expected integers or strings as labels, found {quoted(kind)}."
            )
        if labels.null_count:
            row = self.rows + int(np.argmax(np.asarray(labels.is_null())))
            raise DataError(f"{self._subject}, row {row} (counted from 0): the label is missing.")
        encoded = labels if is_encoded else labels.dictionary_encode()
        try:
            values = encoded.dictionary.to_pylist()
        except UnicodeDecodeError:
            raise DataError(f"{self._subject}: a label is not UTF-8 text; fix it.") from None
        if len({type(value) for value in (*self._codes, *values)}) > 1:
            raise DataError(
                f"{self._subject}: expected either integers or strings as labels, found both."
            )
        lookup = [self._codes.setdefault(value, len(self._codes)) for value in values]
        if len(self._codes) > MAX_CLASSES:
            raise DataError(
                f"{self._subject}: expected at most {MAX_CLASSES:,} distinct labels, found more; "
                "check that this is the label column."
            )
        self._chunks.append(np.asarray(lookup, dtype=np.int16)[np.asarray(encoded.indices)])
        self.rows += len(labels)
        if self.rows > MAX_EXAMPLES:
            check_count(self._subject, self.rows)

    def found(self) -> FoundLabels:
        """Return all labels; a split without examples is an error."""
        check_count(self._subject, self.rows)
        return FoundLabels(self._subject, tuple(self._codes), np.concatenate(self._chunks))


def encode(
    found: Sequence[FoundLabels], names: Sequence[str] | None = None
) -> tuple[tuple[str, ...], tuple[NDArray[np.int64], ...]]:
    """Encode the labels of all splits, the training split first, as numbers.

    If the source states class `names`, labels are positions in them, or the names themselves.
    Returns class names in label order, and for each split an int64 array of shape (n,). Raises
    DataError if there are fewer than 2 or more than 1,000 classes, a name is unprintable, a label
    is out of range, or a test label never occurs in the training split.
    """
    train = found[0]
    if len(train.values) < MIN_CLASSES:
        only = quoted(repr(train.values[0]))
        raise DataError(f"{train.subject} has only one class ({only}); expected at least 2.")
    order: Sequence[Value] = sorted(train.values)
    class_names = tuple(map(str, order)) if names is None else tuple(names)
    _check_names(class_names, train.subject)
    if names is not None:
        order = names if isinstance(order[0], str) else range(len(names))
    positions = {value: index for index, value in enumerate(order)}
    outside = f"is not one of the {len(order):,} classes; expected {order[0]!r} to {order[-1]!r}"
    numbers = []
    for split in found:
        if names is not None:
            _check_known(split, positions, outside)
        _check_known(split, train.values, "never occurs in the training split")
        lookup = np.asarray([positions[value] for value in split.values], dtype=np.int64)
        numbers.append(lookup[split.codes])
    return class_names, tuple(numbers)


def _check_known(split: FoundLabels, known: Collection[Value], problem: str) -> None:
    wrong = next((value for value in split.values if value not in known), None)
    if wrong is not None:
        row = int(np.argmax(split.codes == split.values.index(wrong)))
        raise DataError(
            f"{split.subject}, row {row} (counted from 0): the label {quoted(repr(wrong))} "
            f"{problem}."
        )


def _check_names(names: tuple[str, ...], subject: str) -> None:
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{subject}: expected {MIN_CLASSES} to {MAX_CLASSES:,} classes, found {len(names):,}."
        )
    for name in names:
        if not name.strip() or len(name) > _MAX_NAME:
            raise DataError(
                f"{subject}: expected class names of 1 to {_MAX_NAME} characters, found "
                f"{name[:40]!r}."
            )
        if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
            raise DataError(
                f"{subject}: the class name {name!r} contains control characters; rename it."
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{subject}: the class name {twice!r} occurs twice; rename one.")
