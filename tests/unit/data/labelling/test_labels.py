import numpy as np
import pyarrow as pa
import pytest

from sightline.data.labelling.labels import LabelCollector, encode
from sightline.errors import DataError


def collect(*batches):
    collector = LabelCollector("train")
    for batch in batches:
        collector.add(pa.array(batch))
    return collector.found()


def test_integers_sort_by_value_as_numbers_and_as_text():
    assert encode([collect([10, 9], [2, 10])])[0] == ("2", "9", "10")
    assert encode([collect(["10", "9"], ["2"])])[0] == ("2", "9", "10")
    assert len(encode([collect(list(range(1000)))])[0]) == 1000


def test_both_splits_share_one_encoding():
    names, (train, test) = encode([collect(["b", "a"]), collect(["a"], ["b", "a"])])
    assert names == ("a", "b")
    assert train.tolist() == [1, 0]
    assert test.tolist() == [0, 1, 0]
    assert train.dtype == np.int64


@pytest.mark.parametrize("labels", [[2, 0], ["z", "x"]])
def test_labels_are_positions_in_stated_names_or_the_names(labels):
    names, (numbers,) = encode([collect(labels)], ["x", "y", "z"])
    assert names == ("x", "y", "z")
    assert numbers.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("batches", "fact"),
    [
        (([0, 1], ["cat"]), r"train: .*both"),
        ((["x" * 5000],), r"\('x{199}…\)"),
        ((list(range(1001)),), "at most 1,000"),
        *(
            (([name, "b"],), "class name")
            for name in ("x" * 201, "a\nb", "a\x00", "a\u2028b", "\x7f")
        ),
    ],
)
def test_mixed_unprintable_long_or_too_many_labels_are_refused(batches, fact):
    with pytest.raises(DataError, match=fact):
        encode([collect(*batches)])


def test_label_that_training_lacks_is_counted_and_named():
    train, test = collect(["cat", "dog"]), collect(["dog", "owl", "owl"])
    with pytest.raises(DataError, match=r"row 1 .*'owl'.*2 image.*add training images"):
        encode([train, test])
    with pytest.raises(DataError, match=r"'Dog' never.* 1 image.*'dog': use one spelling"):
        encode([train, collect(["cat", "Dog"])])
    with pytest.raises(DataError, match=r"'0' never.*'00000': use one spelling"):
        encode([collect(["00000", "00007"]), collect([0, 7])])
    with pytest.raises(DataError, match=r"label 2 \('owl'\) never"):
        encode([collect([0, 1]), collect([2])], ["cat", "dog", "owl"])


def test_numbers_in_one_split_and_text_in_another_are_compared_as_text():
    names, (train, test) = encode([collect(["10", "2", "other"]), collect([2, 10])])
    assert names == ("2", "10", "other")
    assert [train.tolist(), test.tolist()] == [[1, 0, 2], [0, 1]]
    names, (train, test) = encode([collect([10, 2]), collect(["2 ", "10"])])
    assert names == ("2", "10")
    assert [train.tolist(), test.tolist()] == [[1, 0], [0, 1]]
    with pytest.raises(DataError, match=r"'other' never occurs in the training split"):
        encode([collect([10, 2]), collect(["2", "other"])])
