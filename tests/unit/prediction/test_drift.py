import numpy as np
import pytest

from run_to_predict import dots, profile
from sightline.prediction import drift

TRAINING = profile(dots(1000))


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_images_like_those_of_the_training_are_nothing_to_speak_of(count: int) -> None:
    assert drift.compare(profile(dots(count, seed=1)), TRAINING) == ()


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_inverted_images_are_told_even_if_there_is_only_one(count: int) -> None:
    (sentence,) = drift.compare(profile(255 - dots(count, seed=1)), TRAINING)
    assert sentence.startswith("The images look inverted: light where the training images are dark")


def test_other_pixels_are_told_with_their_figures() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 8, 8, 1), dtype=np.uint8)
    pixels, brightness = drift.compare(profile(noise), TRAINING)
    assert "distribution of the pixels of the images is unlike" in pixels
    assert "pixel mean 127." in pixels
    assert "brightness of the images is unlike" in brightness


def test_photographs_have_no_inside_out() -> None:
    even = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1), dtype=np.uint8)
    assert not drift.looks_inverted(profile(even), profile(even))
    assert not drift.looks_inverted(profile(255 - even), profile(even))
