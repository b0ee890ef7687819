import numpy as np
import pyarrow as pa
import pytest

from sightline.data.readers.labels import FoundLabels, LabelCollector, encode
from sightline.errors import DataError


def collect(*pieces: list, subject: str = "train") -> FoundLabels:
    collector = LabelCollector(subject)
    for piece in pieces:
        collector.add(pa.array(piece))
    return collector.found()


def test_numbers_sort_as_numbers_and_words_as_words() -> None:
    assert encode([collect([10, 9], [2, 10])])[0] == ("2", "9", "10")
    assert encode([collect(["10", "9"], ["2"])])[0] == ("10", "2", "9")


def test_both_splits_share_one_numbering() -> None:
    names, (train, test) = encode([collect(["b", "a"]), collect(["a"], ["b", "a"])])

    assert names == ("a", "b")
    assert train.tolist() == [1, 0]
    assert test.tolist() == [0, 1, 0]
    assert train.dtype == np.int64


def test_stated_names_give_labels_their_position() -> None:
    names, (numbers,) = encode([collect([2, 0])], ["x", "y", "z"])

    assert names == ("x", "y", "z")
    assert numbers.tolist() == [2, 0]


def test_words_are_looked_up_in_stated_names() -> None:
    assert encode([collect(["z", "x"])], ["x", "y", "z"])[1][0].tolist() == [2, 0]


def test_unseen_test_label_is_refused_with_its_row() -> None:
    with pytest.raises(
        DataError, match=r"test, row 2 .*label 7 never occurs in the training split"
    ):
        encode([collect([1, 2]), collect([1, 2], [7], subject="test")])


def test_words_in_one_file_and_numbers_in_the_next_are_refused() -> None:
    with pytest.raises(DataError, match="train: some labels are integers and some are words"):
        collect([0, 1], ["cat"])


def test_endless_label_is_shortened_in_the_message() -> None:
    with pytest.raises(DataError, match=r"one class only \('x{199}…\)"):
        encode([collect(["x" * 5000])])


def test_too_many_classes_are_refused_at_once() -> None:
    with pytest.raises(DataError, match="at most 1,000 different labels"):
        collect(list(range(1001)))


def test_a_thousand_classes_are_fine() -> None:
    assert len(encode([collect(list(range(1000)))])[0]) == 1000


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="class names of 1 to 200 characters"):
        encode([collect([name, "b"])])


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "a\u2028b", "\x7f"])
def test_control_characters_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="contains control characters"):
        encode([collect([name, "b"])])


def test_split_without_examples_is_refused() -> None:
    with pytest.raises(DataError, match="train holds 0 examples"):
        LabelCollector("train").found()
