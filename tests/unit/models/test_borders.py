import numpy as np

from sightline.data.scaling import to_float
from sightline.models.borders import NO_BORDERS, blank_borders


def borders(images, share):
    return blank_borders(images.astype(np.float32), share)


def test_borders_without_variance_are_found():
    images = np.full((50, 12, 10, 3), 0.25)
    images[:, 2:9, 1:8] = np.random.default_rng(0).random((50, 7, 7, 3))
    assert borders(images, 0.999) == ((2, 3), (1, 2))


def test_pixels_of_one_byte_have_the_borders_of_scaled_ones():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 9, 9, 1), np.uint8)
    pixels[:, :3] //= 16
    found = blank_borders(pixels, 0.9)
    assert found == blank_borders(to_float(pixels), 0.9)
    assert found[0][0] == 3


def test_share_is_given_up_evenly_on_both_sides():
    rows = np.sqrt([1, 1, 8, 80, 8, 1, 1])  # variances of a coin with these values
    coins = np.random.default_rng(0).permutation(np.repeat([-1.0, 1.0], 50))
    images = np.broadcast_to((coins[:, None] * rows)[:, :, None, None], (100, 7, 4, 1))
    assert borders(images, 1) == NO_BORDERS
    assert borders(images, 0.97) == ((1, 1), (0, 0))
    assert borders(images, 0.95) == ((2, 2), (0, 0))


def test_equal_images_keep_all_pixels_and_others_at_least_one():
    images = np.zeros((2, 8, 8, 1))
    for equal in (images, images + 1):
        assert borders(equal, 0.9) == NO_BORDERS
    images[1, 7, 0] = 1
    assert borders(images, 0.5) == ((7, 0), (0, 7))
