import numpy as np
import pytest

from sightline.datasets.splitting import choose_test
from sightline.errors import DataError

LABELS = np.repeat(np.arange(3), [100, 50, 10])
NAMES = ("a", "b", "c")


def test_each_class_gives_its_share() -> None:
    chosen = choose_test(LABELS, NAMES, 0.2, seed=0)

    assert np.bincount(LABELS[chosen]).tolist() == [20, 10, 2]


def test_seed_decides_and_repeats() -> None:
    first = choose_test(LABELS, NAMES, 0.2, seed=1)

    np.testing.assert_array_equal(first, choose_test(LABELS, NAMES, 0.2, seed=1))
    assert (first != choose_test(LABELS, NAMES, 0.2, seed=2)).any()


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_every_class_is_in_both_splits_even_at_an_extreme_share(fraction: float) -> None:
    labels = np.asarray([0, 0, 1, 1, 1])
    chosen = choose_test(labels, ("a", "b"), fraction, seed=0)

    assert set(labels[chosen]) == set(labels[~chosen]) == {0, 1}


def test_class_with_a_single_example_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"The class 'b' has a single example.*add another"):
        choose_test(np.asarray([0, 0, 1]), ("a", "b"), 0.2, seed=0)
