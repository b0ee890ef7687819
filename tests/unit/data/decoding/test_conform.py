import numpy as np
import pytest

from sightline.config import DataConfig
from sightline.data.decoding.conform import conform
from sightline.data.decoding.form import choose_resize, target_shape
from sightline.errors import DataError

COLOUR = np.random.default_rng(0).integers(0, 256, (3, 10, 12, 3), dtype=np.uint8)


def test_only_other_channels_are_converted_and_grey_is_luma_by_itu_r_601():
    assert conform(COLOUR, (10, 12, 3), "crop") is COLOUR
    luma = conform(COLOUR, (10, 12, 1), "stretch")[..., 0]
    assert np.abs(luma - COLOUR @ np.asarray([0.299, 0.587, 0.114])).max() <= 1
    grey = COLOUR[..., :1]
    np.testing.assert_array_equal(
        conform(grey, (10, 12, 3), "stretch"), np.repeat(grey, 3, axis=-1)
    )


def test_resizing_averages_instead_of_skipping():
    stripes = np.zeros((1, 64, 64, 1), np.uint8)
    stripes[:, :, ::2] = 255
    small = conform(stripes, (16, 16, 1), "stretch")
    assert np.abs(small.astype(int)[:, 2:-2, 2:-2] - 127).max() < 12


def test_crop_without_scaling_keeps_the_pixels():
    wide = np.random.default_rng(0).integers(0, 256, (1, 16, 23, 3), dtype=np.uint8)
    np.testing.assert_array_equal(conform(wide, (16, 16, 3), "crop"), wide[:, :, 3:19])


@pytest.mark.parametrize(
    ("resize", "left", "top"), [("stretch", 0, 1), ("crop", 1, 1), ("letterbox", 0, 0)]
)
def test_wide_image_is_stretched_cut_off_or_padded(resize, left, top):
    """Of a wide image, the left quarter is black: 1 is white in the result."""
    wide = np.full((1, 16, 48, 1), 255, np.uint8)
    wide[:, :, :12] = 0
    square = conform(wide, (16, 16, 1), resize)[0, :, :, 0]
    assert [square[8, 0] > 128, square[0, 8] > 128] == [bool(left), bool(top)]
    assert square[8, 15] > 250


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ({(300, 200): 1}, "crop"),
        ({(200, 300): 2, (64, 64): 2}, "crop"),
        ({(200, 300): 2, (64, 64): 3}, "stretch"),
        ({(110, 100): 9}, "stretch"),
    ],
)
def test_images_that_stretching_would_distort_are_cropped(sizes, chosen):
    assert choose_resize("auto", sizes, (64, 64, 3)) == chosen
    assert choose_resize("letterbox", sizes, (64, 64, 3)) == "letterbox"
    assert choose_resize("auto", {(300, 200): 1}, (96, 64, 3)) == "stretch"


def test_config_overrides_size_and_channels():
    assert target_shape((28, 30, 1), DataConfig()) == (28, 30, 1)
    assert target_shape((4, 4, 1), DataConfig(image_size=(9, 8), channels=3)) == (9, 8, 3)


@pytest.mark.parametrize("shape", [(7, 28, 1), (28, 5000, 3)])
def test_sides_out_of_bounds_are_refused(shape):
    with pytest.raises(DataError, match=r"8 to 4,096.*data\.image_size"):
        target_shape(shape, DataConfig())
