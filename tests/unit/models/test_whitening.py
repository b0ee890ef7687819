import numpy as np
import pytest

from sightline.models import whitening as module
from sightline.models.whitening import whitening

RNG = np.random.default_rng(0)
SMOOTH = np.repeat(np.repeat(RNG.integers(0, 256, (300, 6, 8, 3)), 2, 1), 2, 2).astype(np.uint8)


def outputs(images, kernels, biases):
    """The convolution in NumPy: (all patches, filters)."""
    pixels = images.astype(np.float64) / 255
    rows, columns = pixels.shape[1] - 1, pixels.shape[2] - 1
    moved = [pixels[:, i : i + rows, j : j + columns] for i in (0, 1) for j in (0, 1)]
    patches = np.concatenate(moved, axis=3)  # (n, rows, columns, row, column and channel)
    return patches.reshape(-1, 12) @ kernels.reshape(12, -1) + biases


def test_outputs_are_centred_and_uncorrelated_with_equal_variance():
    kernels, biases = whitening(SMOOTH)
    assert (kernels.shape, biases.shape) == ((2, 2, 3, 24), (24,))
    found = outputs(SMOOTH, kernels, biases)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    covariance = np.cov(found[:, ::2], rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.02)
    np.testing.assert_allclose(kernels[..., 1::2], -kernels[..., ::2])


def test_variance_of_the_outputs_is_bounded_where_pixels_are_equal():
    gray = np.repeat(SMOOTH[..., :1], 3, axis=3)
    found = outputs(gray, *whitening(gray))
    assert np.isfinite(found).all()
    assert found.var(axis=0).max() == pytest.approx(1, abs=0.02)
    assert found.var(axis=0).min() < 1e-6  # differences of the channels, which are always 0


def test_float_images_give_the_filters_of_their_pixels():
    scaled = (SMOOTH / np.float32(255)).astype(np.float32)
    for one, other in zip(whitening(scaled), whitening(SMOOTH), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_large_images_are_read_up_to_a_number_of_pixels(monkeypatch):
    monkeypatch.setattr(module, "_PIXELS", 3 * 12 * 16 + 1)
    chosen = [0, 149, 299]  # of 300, three that are evenly spread
    for one, other in zip(whitening(SMOOTH), whitening(SMOOTH[chosen]), strict=True):
        np.testing.assert_array_equal(one, other)
