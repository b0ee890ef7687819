"""Decide whether the labels of a CSV file, where every cell is text, are integers."""

import re
from collections.abc import Sequence

from sightline.data.labelling.labels import FoundLabels

_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}")
_FLOAT = re.compile(r"-?(0|[1-9]\d*)\.\d*([eE][+-]?\d+)?")
_EXACT = 2**53  # larger floats skip integers, so that two labels could become one


def as_integers(found: Sequence[FoundLabels]) -> list[FoundLabels]:
    """Convert text labels to integers if in each split every label is written as one.

    They are integers if every label of a split is one without leading zeros or exponent (7, -1), or
    every label is a float with an integral value, as pandas and NumPy write float columns (7.0,
    7.000e+00). Otherwise all stay as they are, so that 01 and 1, or 7 and 7.0, are two classes.
    """
    numbers = [_integers(split.values) for split in found]
    return [
        split if None in numbers else FoundLabels(split.subject, values or (), split.codes)
        for split, values in zip(found, numbers, strict=True)
    ]


def _integers(values: Sequence[int | str]) -> tuple[int, ...] | None:
    texts = [str(value) for value in values]
    if all(map(_INTEGER.fullmatch, texts)):
        return tuple(map(int, texts))
    if not all(map(_FLOAT.fullmatch, texts)):
        return None
    numbers = [float(text) for text in texts]
    if not all(number.is_integer() and abs(number) < _EXACT for number in numbers):
        return None
    integers = tuple(map(int, numbers))
    return integers if len(set(integers)) == len(texts) else None
