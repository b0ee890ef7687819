import numpy as np
import pytest

from run_to_predict import dots, profile
from sightline.prediction import drift

TRAINING = profile(dots(1000))


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_only_inverted_images_cause_a_warning(count):
    assert drift.compare(profile(dots(count, seed=1)), TRAINING) == ()
    (sentence,) = drift.compare(profile(255 - dots(count, seed=1)), TRAINING)
    assert "inverted" in sentence


def test_different_pixels_are_reported_with_their_figures():
    noise = np.random.default_rng(0).integers(0, 256, (1000, 8, 8, 1), dtype=np.uint8)
    pixels, brightness = drift.compare(profile(noise), TRAINING)
    assert "distribution of the pixels" in pixels
    assert "pixel mean 127." in pixels
    assert "brightness" in brightness
    assert not drift.is_inverted(profile(noise), profile(noise))
    assert not drift.is_inverted(profile(255 - noise), profile(noise))
