from pathlib import Path

import numpy as np
import pytest

from sightline.models.borders import NO_BORDERS, blank_borders


def stored(tmp_path: Path, images: np.ndarray) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, images.astype(np.float32))
    return path


def test_borders_without_variance_are_found(tmp_path):
    images = np.full((50, 12, 10, 3), 0.25)
    images[:, 2:9, 1:8] = np.random.default_rng(0).random((50, 7, 7, 3))
    assert blank_borders(stored(tmp_path, images), 0.999) == ((2, 3), (1, 2))


def test_share_is_given_up_evenly_on_both_sides(tmp_path):
    rows = np.sqrt([1, 1, 8, 80, 8, 1, 1])  # variances of a coin with these values
    coins = np.random.default_rng(0).permutation(np.repeat([-1.0, 1.0], 50))
    images = np.broadcast_to((coins[:, None] * rows)[:, :, None, None], (100, 7, 4, 1))
    path = stored(tmp_path, images)
    assert blank_borders(path, 1) == NO_BORDERS
    assert blank_borders(path, 0.97) == ((1, 1), (0, 0))
    assert blank_borders(path, 0.95) == ((2, 2), (0, 0))


@pytest.mark.parametrize("images", [np.zeros((4, 8, 8, 1)), np.ones((4, 8, 8, 1))])
def test_images_that_are_all_the_same_keep_all_pixels(tmp_path, images):
    assert blank_borders(stored(tmp_path, images), 0.9) == NO_BORDERS


def test_something_is_left(tmp_path):
    images = np.zeros((2, 8, 8, 1))
    images[1, 7, 0] = 1
    assert blank_borders(stored(tmp_path, images), 0.5) == ((7, 0), (0, 7))
