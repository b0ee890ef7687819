"""Find the order of pixels in the names of their columns, such as pixel2 and pixel10."""

import re
from collections.abc import Sequence

_NUMBERS = re.compile(r"\d+")


def find_order(columns: Sequence[str], train: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the columns in the order of the pixels; None if that is the order in the file.

    `train` are the pixel columns of the training file, if this is another one: equal names have
    the same order. Columns whose names differ by one number alone are in the order of these
    numbers. Names with two numbers, row and column or the reverse, are only put in order if they
    were sorted as text, as in 10x1 before 1x1 or 2x1.
    """
    is_same = train is not None and {*columns} == {*train}
    ordered = (*train,) if train and is_same else _by_number(columns)
    return None if ordered == (*columns,) else ordered


def _by_number(columns: Sequence[str]) -> tuple[str, ...]:
    found = {name: tuple(map(int, _NUMBERS.findall(name))) for name in columns}
    texts = {_NUMBERS.sub("", name) for name in columns}
    counts = {len(numbers) for numbers in found.values()}
    is_sorted_text = list(columns) == sorted(columns)
    if (
        len(texts) > 1
        or len({*found.values()}) < len(columns)
        or not (counts == {1} or (counts == {2} and is_sorted_text))
    ):
        return (*columns,)
    return tuple(sorted(columns, key=found.__getitem__))
