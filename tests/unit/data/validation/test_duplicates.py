import numpy as np
import pytest

from sightline.data.validation.duplicates import EqualImages


def equal(digests, splits):
    return EqualImages(
        np.array(list(digests), "S1"), np.array([int(split) for split in splits], np.int8)
    )


def rows(pairs):
    return dict(zip(pairs.rows.tolist(), pairs.others.tolist(), strict=True))


@pytest.mark.parametrize(
    ("digests", "splits", "within", "across"),
    [
        ("abcdef", "000011", {}, {}),
        ("abcabaaxx", "000011111", {3: 0, 6: 5, 8: 7}, {4: 1, 5: 0, 6: 0}),
        ("abaxab", "000111", {2: 0}, {4: 0, 5: 1}),
        ("abcc", "0011", {3: 2}, {}),  # only the test split repeats it
        ("abcbxcx", "0011222", {6: 4}, {3: 1, 5: 2}),  # test repeats a validation image
        ("a" * 7, "0000111", {1: 0, 2: 0, 3: 0, 5: 4, 6: 4}, {4: 0, 5: 0, 6: 0}),
    ],
)
def test_copies_name_the_first_image_of_a_split(digests, splits, within, across):
    found = equal(digests, splits)
    assert rows(found.within_splits()) == within
    assert rows(found.across_splits()) == across
    repeated = [row for row, digest in enumerate(digests) if digest in digests[:row]]
    assert found.repeated.tolist() == repeated


@pytest.mark.parametrize(
    ("digests", "splits", "labels", "expected"),
    [
        ("abcdef", "000011", range(6), {}),
        ("aab", "001", [3, 3, 1], {}),
        ("aababba", "0000011", [0, 1, 2, 1, 0, 1, 2], {0: 1, 1: 0, 3: 0, 6: 0, 2: 4, 4: 2, 5: 2}),
    ],
)
def test_conflicts_name_an_image_with_another_label(digests, splits, labels, expected):
    found = equal(digests, splits).with_other_labels(np.array(labels, np.int16))
    assert rows(found) == expected
