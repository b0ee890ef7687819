import numpy as np
import pytest

from reading import check_unreadable, read_all

X = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
Y = np.arange(20) % 4
LEVELS = np.arange(256).repeat(5).reshape(20, 8, 8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


def save(path, train, test):
    np.savez(path, x_train=train, y_train=Y, x_test=test, y_test=Y[:8])
    return path


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", "float64"])
@pytest.mark.parametrize(("black", "range_"), [(0, "from 0 to 1"), (-1, "from -1 to 1")])
def test_every_gray_level_of_scaled_floats_comes_back(path, dtype, black, range_):
    scaled = (LEVELS / 255 if black == 0 else LEVELS / 127.5 - 1).astype(dtype)
    raw, images = read_all(save(path, scaled, scaled[:8]))
    np.testing.assert_array_equal(images["train"][..., 0], LEVELS)
    np.testing.assert_array_equal(images["test"][..., 0], LEVELS[:8])
    (note,) = raw.notes
    assert range_ in note
    assert "rounded" not in note


def test_scaled_floats_between_gray_levels_are_rounded_with_a_note(path):
    scaled = (LEVELS + 0.3).clip(0, 255) / 255
    raw, images = read_all(save(path, scaled, scaled[:8]))
    np.testing.assert_array_equal(images["train"][..., 0], LEVELS)
    assert "rounded" in raw.notes[0]


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool"])
def test_0_and_1_are_black_and_white_if_no_split_has_others(path, dtype):
    binary = (X > 127).astype(dtype)
    raw, images = read_all(save(path, binary, np.uint8(binary[:8])))
    np.testing.assert_array_equal(images["train"][..., 0], 255 * (X > 127))
    assert "black (0) and white (255)" in raw.notes[0]
    raw, images = read_all(save(path, binary, X[:8]))
    np.testing.assert_array_equal(images["train"][..., 0], X > 127)
    assert "give the images of all splits one scale" in raw.notes[0]


@pytest.mark.parametrize(("dtype", "white"), [("uint16", 1023), ("int64", 4095), ("<f4", 65535)])
def test_integers_of_more_than_8_bits_have_one_scale(path, dtype, white):
    deep = np.rint(LEVELS * (white / 255)).astype(dtype)
    raw, images = read_all(save(path, deep, deep[:8]))
    np.testing.assert_array_equal(images["train"][..., 0], LEVELS)
    np.testing.assert_array_equal(images["test"][..., 0], LEVELS[:8])
    assert (raw.white, len(raw.notes)) == (white, 1)
    assert f"{white:,}" in raw.notes[0]
    raw, images = read_all(path, white=65535)
    np.testing.assert_array_equal(images["train"][..., 0], np.rint(deep * (255 / 65535)))


def test_single_pixel_above_255_is_a_mistake_that_names_its_row(path):
    wrong = X.astype(int)
    wrong[3, 0, 0] = 300
    check_unreadable(save(path, wrong, X[:8]), "x_train, row 3", "300", "data.white")


def test_scale_is_that_of_all_blocks(path):
    many = np.zeros((3000, 28, 28), np.float32)
    many[:, :2] = 1
    many[-1, -1] = np.float32(51 / 255)
    np.savez_compressed(path, x_train=many, y_train=np.arange(3000) % 2)
    raw, images = read_all(path)
    np.testing.assert_array_equal(images["unsplit"][..., 0], np.rint(many * 255))
    assert "from 0 to 1;" in raw.notes[0]
    many[-1, -1] = 7
    np.savez_compressed(path, x_train=many, y_train=np.arange(3000) % 2)
    raw, images = read_all(path)
    np.testing.assert_array_equal(images["unsplit"][..., 0], many)


@pytest.mark.parametrize(
    "test", [X[:8], X[:8] / 127.5 - 1, X[:8] / 1.0, np.full((8, 8, 8), np.nan)]
)
def test_splits_of_several_scales_are_refused(path, test):
    check_unreadable(save(path, X / 255, test), "x_train, row 0", "by 255")


def test_floats_from_minus_a_half_to_a_half_are_refused(path):
    centered = X / 255 - 0.5
    check_unreadable(save(path, centered, centered[:8]), "x_train, row 0", "0 to 255")


@pytest.mark.parametrize("dtype", ["uint8", "float64", "int64"])
def test_images_of_few_levels_are_noted_as_nearly_black(path, dtype):
    digits = (LEVELS // 16).clip(0, 15).astype(dtype)
    raw, images = read_all(save(path, digits, digits[:8]))
    np.testing.assert_array_equal(images["train"][..., 0], digits)
    (note,) = raw.notes
    assert "is 15 of 255" in note
    assert "multiply them by 17" in note
    digits[0, -1, -1] = 17
    assert read_all(save(path, digits, digits[:8]))[0].notes == ()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixel_that_is_no_number_is_named_and_not_the_scale_of_all_others(path, value):
    scaled = X / 255
    scaled[13, 2, 2] = value
    check_unreadable(save(path, scaled, scaled[:8]), "row 13 (counted from 0)", f"found {value}")
