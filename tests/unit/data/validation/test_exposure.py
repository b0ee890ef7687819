import numpy as np

from sightline.data.validation import exposure


def images(*values: int) -> np.ndarray:
    return np.stack([np.full((20, 20, 1), value, dtype=np.uint8) for value in values])


def test_image_of_one_value_is_blank() -> None:
    found = images(0, 128, 255, 7)
    found[3, 5, 5] = 8
    assert exposure.blank(found).tolist() == [True, True, True, False]


def test_black_and_white_images_are_saturated_and_grey_ones_are_not() -> None:
    assert exposure.saturated(images(0, 4, 60, 128, 200, 252, 255)).tolist() == [
        *(True, True, False, False, False, True, True)
    ]


def test_a_hundredth_of_the_pixels_may_be_anything() -> None:
    found = images(0, 0, 255, 255)
    found.reshape(4, -1)[[0, 2], :4] = 128
    found.reshape(4, -1)[[1, 3], :5] = 128
    assert exposure.saturated(found).tolist() == [True, False, True, False]


def test_image_of_black_and_white_halves_is_not_saturated() -> None:
    found = images(0)
    found[0, :10] = 255
    assert not exposure.saturated(found).any()
