"""The labels of TFRecord examples: numbers, text, or numbers beside the names of their classes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sightline.data.labelling.label_values import is_missing
from sightline.data.labelling.labels import FoundLabels, Value
from sightline.data.labelling.record_labels import RecordLabels
from sightline.data.readers.tfrecord.tfrecord_example import EMPTY, Feature
from sightline.data.readers.tfrecord.tfrecord_keys import Keys, first_values
from sightline.errors import DataError
from sightline.storage.text import quoted

Label = Value | tuple[int, str]
"""A number, a text, or a number and the name of its class, "" without one."""


def read_label(features: Mapping[str, Feature], keys: Keys, name: str) -> Label | None:
    """Return the label of an example, None if it is missing.

    Raises DataError, naming the record, for several labels, a fraction and bytes that are no text.
    """
    label = _read(features, keys.label, name)
    if keys.text is None or not isinstance(label, int):
        return label
    text = _read(features, keys.text, name)
    return label, str(text if text is not None else "")


def _read(features: Mapping[str, Feature], key: str, name: str) -> Value | None:
    values = first_values(features.get(key, EMPTY), name)
    if len(values) > 1:
        raise DataError(
            f"{name}: the feature {key!r} has several values; expected one label, an integer or "
            "text: set data.label_column to another feature."
        )
    value = values[0] if values else None
    if isinstance(value, bytes):
        return _decode(value, key, name)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if not value.is_integer():
            raise DataError(
                f"{name}: expected an integer or text in the feature {key!r}, found {value:g}; fix "
                "it, or set data.label_column."
            )
        return int(value)
    return value


def _decode(value: bytes, key: str, name: str) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise DataError(f"{name}: the feature {key!r} is not UTF-8 text; fix it.") from None
    return None if is_missing(text) else text


def apply_texts(
    parts: Sequence[RecordLabels],
) -> tuple[list[FoundLabels], tuple[str, ...] | None]:
    """Return the labels of the splits, and the names of the classes in the order of the numbers.

    With names, labels are names, so that splits may number them differently; without, they are
    numbers or texts as they stand. Raises DataError if a number has two names, a name two numbers,
    or a number none although others have.
    """
    names: dict[Value, str] = {}  # By number, of the first split that has some
    found = []
    for part in parts:
        pairs = [value if isinstance(value, tuple) else (value, "") for value in part.values]
        _check_types(part.subject, [number for number, _ in pairs])
        if any(text for _, text in pairs):
            own = _by_number(part.subject, pairs)
            names = names or own
            values: tuple[Value, ...] = tuple(own[number] for number, _ in pairs)
        else:
            values = tuple(number for number, _ in pairs)
        found.append(FoundLabels(part.subject, values, part.codes))
    if not names:
        return found, None
    in_order = tuple(text for _, text in sorted(names.items(), key=lambda item: int(item[0])))
    return [_name(split, names) for split in found], in_order


def _by_number(subject: str, pairs: Sequence[tuple[Value, str]]) -> dict[Value, str]:
    names: dict[Value, str] = {}
    numbers: dict[str, Value] = {}
    for number, text in pairs:
        name, other = names.setdefault(number, text), numbers.setdefault(text, number)
        if name != text or other != number:
            raise DataError(
                f"{subject}: the class {quoted(repr(text), 60)} has the numbers {other} and "
                f"{number}, or the number {number} has the names {quoted(repr(name), 60)} and "
                f"{quoted(repr(text), 60)}; give each number one name."
            )
    return names


def _name(split: FoundLabels, names: Mapping[Value, str]) -> FoundLabels:
    """Replace the numbers of a split without names; a split of -1 alone has no labels."""
    if not split.values or isinstance(split.values[0], str) or split.values == (-1,):
        return split
    unknown = next((value for value in split.values if value not in names), None)
    if unknown is not None:
        raise DataError(
            f"{split.subject}: the label {unknown} has no name, but other labels have; write the "
            "names of all classes, or of none."
        )
    return replace(split, values=tuple(names[value] for value in split.values))


def _check_types(subject: str, values: Sequence[object]) -> None:
    if len({type(value) for value in values}) > 1:
        raise DataError(f"{subject}: expected either integers or strings as labels, found both.")
