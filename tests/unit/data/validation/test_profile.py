import numpy as np
import pytest

from sightline.data.validation.profile import Profiler


def test_profile_agrees_with_numpy_and_does_not_depend_on_the_blocks():
    images = np.random.default_rng(0).integers(3, 250, (50, 9, 7, 3), dtype=np.uint8)
    complete, parts = Profiler(), Profiler()
    complete.add(images)
    for part in np.array_split(images, 7):
        parts.add(part)
    profile = complete.profile([20, 30])
    assert parts.profile([20, 30]) == profile
    assert (profile.images, profile.per_class) == (50, (20, 30))
    assert (profile.pixel_min, profile.pixel_max) == (images.min(), images.max())
    assert profile.pixel_mean == pytest.approx(images.mean(), abs=1e-5)
    assert profile.pixel_std == pytest.approx(images.std(), abs=1e-5)
    expected, _ = np.histogram(images, bins=16, range=(0, 256))
    assert profile.pixels == pytest.approx(expected / images.size, abs=1e-6)
    expected, _ = np.histogram(images.mean(axis=(1, 2, 3)), bins=16, range=(0, 256))
    assert profile.brightness == pytest.approx(expected / 50, abs=1e-6)


def test_darkest_and_brightest_image_are_in_the_outer_bins():
    profiler = Profiler()
    profiler.add(np.stack([np.full((8, 8, 1), value, np.uint8) for value in (0, 255)]))
    profile = profiler.profile([1, 1])
    assert profile.brightness[0] == profile.brightness[-1] == 0.5
    assert profile.pixels[0] == profile.pixels[-1] == 0.5
