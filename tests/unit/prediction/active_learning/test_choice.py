import numpy as np
import pytest

from sightline.prediction.active_learning.choice import choose


@pytest.fixture
def features():
    """Forty points around each of five centers, the most uncertain first center by center."""
    generator = np.random.default_rng(0)
    centers = 10 * np.eye(5, 8)
    return np.repeat(centers, 40, axis=0) + generator.normal(size=(200, 8))


@pytest.fixture
def margins():
    return np.linspace(0, 0.5, 200)


def test_one_image_of_each_cluster_is_chosen_in_order(features, margins):
    chosen = choose(features.astype(np.float32), margins, 5, seed=0)
    assert (chosen // 40).tolist() == [0, 1, 2, 3, 4]


def test_equal_seeds_choose_equally_and_never_twice_the_same(features, margins):
    values = features.astype(np.float32)
    chosen = choose(values, margins, 20, seed=3)
    assert chosen.tolist() == choose(values, margins, 20, seed=3).tolist()
    assert len(set(chosen.tolist())) == 20


def test_equal_images_are_filled_up_by_the_most_uncertain(margins):
    chosen = choose(np.ones((200, 8), np.float32), margins, 3, seed=0)
    assert len(set(chosen.tolist())) == 3
    assert choose(np.ones((2, 8), np.float32), margins[:2], 3, seed=0).tolist() == [0, 1]
