import pytest

from sightline.data.labelling import class_names
from sightline.errors import DataError

NFC, NFD = "caf\xe9", "cafe\u0301"


@pytest.mark.parametrize(
    "ordered",
    [
        [str(number) for number in range(12)],
        ["-10", "-2", "0", "3", "+20"],
        ["day1", "day2", "day10", "night"],
        ["1st", "2nd", "10th"],
        ["x", "x01", "x1", "x2b", "x10a"],
        ["0.25", "0.5", "1"],  # two numbers: text
        ["v1.10", "v1.2", "v10"],
        ["Zebra", "ant", "ant-eater", "\xe4pfel"],
    ],
)
def test_numbers_are_in_natural_order_and_all_else_as_text(ordered):
    for shuffled in (ordered[::-1], ordered[::2] + ordered[1::2]):
        assert class_names.in_order(shuffled) == tuple(ordered)


def test_names_are_composed_and_trimmed():
    names = (NFD, " dog\u00a0", "a b")
    assert class_names.normalize_all(names, "x", ignore_case=True) == (NFC, "dog", "a b")
    endless = "a" + "\u0301\u0316" * 100_000
    assert class_names.normalize(endless) == endless


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ((NFC, NFD), (r"'caf\xe9'", r"'cafe\u0301'")),
        (("cat", "cat "), ("'cat'", "'cat '")),
        (("cat", "Cat"), ("'cat'", "'Cat'")),
    ],
)
def test_names_that_become_one_are_refused_with_their_escapes(pair, shown):
    with pytest.raises(DataError) as caught:
        class_names.normalize_all(["dog", *pair], "photos/train", ignore_case=True)
    assert [fact for fact in ("photos/train", *shown) if fact not in str(caught.value)] == []


def test_stated_names_may_differ_in_case():
    names = ("A", "a")
    assert class_names.normalize_all(names, "x", ignore_case=False) == names
