import pytest

from sightline.data.split_names import find_splits, split_of
from sightline.errors import DataError


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(("Train", "train"), ("training_set", "train"), ("train2017", "train")),
        *(("eval", "validation"), ("Evaluation", "validation"), ("val_images", "validation")),
        *(("valid", "validation"), ("validation", "validation"), ("dev", "validation")),
        *(("test1", "test"), ("TESTING", "test")),
        *(("trained", None), ("bullet train", None), ("contest", None), ("devices", None)),
    ],
)
def test_usual_names_of_splits_are_known(name, split):
    assert split_of(name) == split


def test_plain_name_has_precedence_over_a_variant():
    names = ["test", "test1", "train_images", "other"]
    assert find_splits(".", names) == {"train": "train_images", "test": "test"}
    with pytest.raises(DataError, match=r"'test1' and 'test_2'"):
        find_splits(".", ["test1", "test_2", "train"])
    assert find_splits(".", ["test1", "test_2", "val"]) == {"validation": "val"}
