import numpy as np
import pytest

from sightline.data.splits import stratified_sample
from sightline.errors import DataError

LABELS = np.repeat(np.arange(3), [100, 50, 10])
NAMES = ("a", "b", "c")


def test_seed_determines_the_sample_of_each_class():
    first = stratified_sample(LABELS, NAMES, 0.2, 1, "test")
    assert np.bincount(LABELS[first]).tolist() == [20, 10, 2]
    np.testing.assert_array_equal(first, stratified_sample(LABELS, NAMES, 0.2, 1, "test"))
    assert (first != stratified_sample(LABELS, NAMES, 0.2, 2, "test")).any()


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_every_class_is_on_both_sides_even_at_an_extreme_share(fraction):
    labels = np.asarray([0, 0, 1, 1, 1])
    drawn = stratified_sample(labels, ("a", "b"), fraction, 0, "test")
    assert set(labels[drawn]) == set(labels[~drawn]) == {0, 1}


def test_class_with_a_single_example_is_refused_by_name():
    with pytest.raises(DataError, match=r"'b' .*test split; add another"):
        stratified_sample(np.asarray([0, 0, 1]), ("a", "b"), 0.2, 0, "test")
