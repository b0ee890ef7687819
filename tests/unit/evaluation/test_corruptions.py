import hashlib

import numpy as np
import pytest
from scipy import ndimage

from sightline.evaluation import corruptions
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES

INVERTED = "2f86ec111632fccf647b0afa9d34ee7357f74babed51bff589f4fd6f3a7ba721"
EVERY = pytest.mark.parametrize("name", CORRUPTIONS)


def hills(count, shape):
    """Draw a bright ellipse off the centre and a dim one, different for each image and channel."""
    row, column = (np.linspace(-1, 1, 2 * side + 1)[1::2] for side in shape[:2])
    y, x = row[:, np.newaxis, np.newaxis], column[np.newaxis, :, np.newaxis]
    moved = 0.05 * np.arange(shape[2])
    images = [
        220 * np.exp(-(((y - 0.3 + moved) / 0.3) ** 2) - ((x - 0.02 * number) / 0.15) ** 2)
        + 90 * np.exp(-(((y + 0.4) / 0.2) ** 2) - ((x + 0.3 - moved) / 0.3) ** 2)
        for number in range(count)
    ]
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def change(images, corrupted):
    return float(np.abs(corrupted.astype(float) - images).mean())


@EVERY
@pytest.mark.parametrize("shape", [(28, 28, 3), (12, 31, 3), (1, 8, 1)])
def test_block_size_changes_nothing(name, shape):
    images = hills(7, shape)
    images.flags.writeable = False
    for severity in SEVERITIES:
        corrupted = CORRUPTIONS[name](images, severity, 10)
        starts = (0, 3, 6)
        parts = [CORRUPTIONS[name](images[at : at + 3], severity, 10 + at) for at in starts]
        np.testing.assert_array_equal(corrupted, np.concatenate(parts))
        assert (corrupted.shape, corrupted.dtype) == (images.shape, np.uint8)


@EVERY
@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28, 3), (224, 224, 1)])
def test_higher_severity_changes_more(name, shape):
    images = hills(4, shape)
    changes = [change(images, CORRUPTIONS[name](images, severity, 0)) for severity in SEVERITIES]
    assert changes[0] > 0
    assert changes == sorted(set(changes))


@pytest.mark.parametrize("name", sorted({*CORRUPTIONS} - {"noise"}))
def test_strength_is_relative_to_the_image_size(name):
    small, large = (
        CORRUPTIONS[name](hills(4, (side, side, 1)), 5, 0).astype(float) for side in (28, 224)
    )
    reduced = large.reshape(4, 28, 8, 28, 8, 1).mean(axis=(2, 4))
    assert change(small, reduced) < 0.06 * change(small, hills(4, (28, 28, 1)))


@pytest.mark.parametrize("name", ["shift", "rotation", "scale"])
def test_large_images_are_resampled_to_the_same_pixels(name, monkeypatch):
    images = hills(5, (24, 31, 3))
    expected = CORRUPTIONS[name](images, 3, 1)
    monkeypatch.setattr(corruptions, "_LARGE", 0)
    assert np.array_equal(CORRUPTIONS[name](images, 3, 1), expected)


def test_shift_alternates_between_four_diagonals():
    images, inner = hills(4, (100, 100, 1)), slice(6, -6)
    moves = [(-6, -6), (-6, 6), (6, -6), (6, 6)]
    for image, found, move in zip(images, corruptions.shift(images, 2, 0), moves, strict=True):
        expected = np.roll(image, move, axis=(0, 1))
        np.testing.assert_array_equal(found[inner, inner], expected[inner, inner])


@pytest.mark.parametrize("name", ["shift", "rotation", "scale"])
def test_border_is_repeated_outside(name):
    white = np.full((2, 20, 20, 1), 255, np.uint8)
    np.testing.assert_array_equal(CORRUPTIONS[name](white, 5, 0), white)


def test_rotation_alternates_between_left_and_right():
    images = hills(2, (30, 30, 3))
    turned = corruptions.rotation(images, 4, 0)
    for image, found, degrees in zip(images, turned, (36, -36), strict=True):
        expected = ndimage.rotate(image, degrees, reshape=False, order=1, mode="nearest")
        np.testing.assert_allclose(found, expected, atol=1)


def test_scale_alternates_between_smaller_and_larger():
    images = np.zeros((2, 60, 60, 1), np.uint8)
    images[:, 20:40, 20:40] = 255
    areas = corruptions.scale(images, 5, 0).sum(axis=(1, 2, 3)) / 255
    assert np.sqrt(areas) == pytest.approx([20 / 1.5, 20 * 1.5], rel=0.02)


def test_noise_has_the_stated_strength_and_is_independent():
    grey = np.full((2, 64, 64, 3), 128, np.uint8)
    for severity in (1, 2):
        added = corruptions.noise(grey, severity, 5).astype(float) - 128
        assert added.std() == pytest.approx(255 * 0.08 * severity, rel=0.03)
        assert abs(added.mean()) < 1
    samples = np.concatenate([added[0].reshape(-1, 3).T, added[1].reshape(-1, 3).T])
    assert np.abs(np.corrcoef(samples) - np.eye(6)).max() < 0.1


def test_blur_is_a_gaussian_of_the_stated_width_that_mixes_no_channels():
    red = hills(1, (50, 80, 3)) * np.array([1, 0, 0], np.uint8)
    weights = np.exp(-0.5 * (np.arange(-16, 17) / (0.015 * 5 * 50)) ** 2)
    expected = red[0, :, :, 0].astype(float)
    for axis in (0, 1):
        expected = ndimage.convolve1d(expected, weights / weights.sum(), axis, mode="nearest")
    found = corruptions.blur(red, 5, 0)[0]
    np.testing.assert_allclose(found[..., 0], expected, atol=0.51)
    assert not found[..., 1:].any()


def test_contrast_is_reduced_about_the_mean_of_the_image():
    images = hills(2, (20, 20, 3))
    for severity in SEVERITIES:
        for image, found in zip(images, corruptions.contrast(images, severity, 0), strict=True):
            expected = image.mean() + (1 - 0.18 * severity) * (image - image.mean())
            np.testing.assert_allclose(found, expected, atol=0.51)


def test_inversion_ends_with_the_negative():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(corruptions.inversion(images, 5, 0), 255 - images)
    assert corruptions.inversion(images, 2, 0).ravel()[[0, 255]].tolist() == [102, 153]
    content = b"".join(corruptions.inversion(images, s, 0).tobytes() for s in SEVERITIES)
    assert hashlib.sha256(content).hexdigest() == INVERTED
