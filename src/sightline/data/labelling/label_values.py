"""Bring label columns of any usual type to integers or text."""

import pyarrow as pa
import pyarrow.compute as pc

from sightline.errors import DataError
from sightline.storage.text import quoted

_MISSING = frozenset({"", "nan", "<na>", "nat", "#n/a"})
_EXACT = 2.0**53  # Larger floats skip integers, so that two labels could become one


def is_missing(text: str) -> bool:
    """Return whether text is blank, or what pandas and spreadsheets write for a missing value."""
    return text.strip().lower() in _MISSING


def is_text(kind: pa.DataType) -> bool:
    """Return whether labels of this type become text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in _TEXT or pa.types.is_boolean(kind)


_TEXT = frozenset(
    {
        *(pa.string(), pa.large_string(), pa.string_view()),
        *(pa.binary(), pa.large_binary(), pa.binary_view()),
    }
)


def to_values(labels: pa.Array, subject: str, first_row: int) -> pa.Array:
    """Convert labels to integers or strings; null where NaN or `is_missing` text stood.

    Bytes are UTF-8 text, booleans become "False" and "True", and floating-point and decimal numbers
    integers. `subject` and `first_row`, counted from 0, are named in errors. Raises DataError for
    another type, a number with a fraction, and bytes that are no UTF-8 text.
    """
    if pa.types.is_dictionary(labels.type):
        labels = labels.dictionary_decode()  # a dictionary may hold values that no row has
    kind = labels.type
    if pa.types.is_boolean(kind):
        return pc.if_else(labels, "True", "False")
    if pa.types.is_null(kind):
        return labels.cast(pa.string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _to_integers(labels, subject, first_row)
    if is_text(kind):
        return _decode(labels, subject)
    if not pa.types.is_integer(kind):
        raise DataError(f"{subject}: expected integers or strings as labels, found {quoted(kind)}.")
    return labels


def _decode(labels: pa.Array, subject: str) -> pa.Array:
    try:
        text = labels.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowException:
        raise DataError(f"{subject}: a label is not UTF-8 text; fix it.") from None
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(text))
    return pc.if_else(pc.is_in(folded, pa.array(sorted(_MISSING))), None, text)


def _to_integers(labels: pa.Array, subject: str, first_row: int) -> pa.Array:
    numbers = labels.cast(pa.float64())
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)  # as pandas writes missing numbers
    exact = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), _EXACT))
    wrong = exact.index(False).as_py()
    if wrong >= 0:
        raise DataError(
            f"{subject}, row {first_row + wrong} (counted from 0): expected an integer or text as "
            f"the label, found {numbers[wrong].as_py():g}; fix it."
        )
    return numbers.cast(pa.int64())
