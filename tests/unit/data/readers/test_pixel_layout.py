import numpy as np
import pytest

from reading import read_all
from sightline.config import DataConfig
from sightline.data.readers.pixel_layout import find_row_layout, shape_of_row

Y = np.arange(20) % 4
ROWS, COLUMNS = np.mgrid[:32, :32]


def waves(*phases):
    """Smooth color images of 32x32 pixels, uint8 (20, 32, 32, 3)."""
    planes = [np.sin(ROWS / 5 + phase) + np.cos(COLUMNS / 7 + 2 * phase) for phase in phases]
    many = np.stack(planes, -1) + np.arange(20)[:, None, None, None] / 20
    return (60 + 60 * (many - many.min()) / 2).astype(np.uint8)


COLORS = waves(0, 1, 2)
GREYS = waves(0, 0, 0)


def save(path, images):
    np.savez(path, x_train=images, y_train=Y, x_test=images[:8], y_test=Y[:8])
    return path


def planes(images):
    return np.moveaxis(images, -1, 1)


@pytest.mark.parametrize("images", [COLORS, COLORS[..., :1]])
@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
def test_channels_of_pytorch_come_last_with_a_note_for_colors(tmp_path, images, dtype):
    raw, found = read_all(save(tmp_path / "data.npz", planes(images).astype(dtype)))
    np.testing.assert_array_equal(found["train"], images)
    np.testing.assert_array_equal(found["test"], images[:8])
    assert ["channels lie one after the other" in note for note in raw.notes] == [True] * (
        images.shape[-1] == 3
    )


@pytest.mark.parametrize("images", [COLORS, GREYS])
@pytest.mark.parametrize("order", [planes, np.asarray])
def test_rows_of_colors_are_read_in_planes_or_by_pixel_whatever_they_are(tmp_path, images, order):
    rows = order(images).reshape(20, -1)
    raw, found = read_all(save(tmp_path / "data.npz", rows))
    np.testing.assert_array_equal(found["train"], images)
    assert bool(raw.notes) == (order is planes)
    header = ",".join(["label", *(f"p{number}" for number in range(3072))])
    lines = [",".join(map(str, [label, *row])) for label, row in zip(Y, rows, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join([header, *lines]))
    np.testing.assert_array_equal(read_all(tmp_path / "data.csv")[1]["unsplit"], images)


def test_rows_of_noise_are_taken_by_pixel():
    noise = np.random.default_rng(0).integers(0, 256, (20, 3072))
    assert not find_row_layout(iter([noise]), (32, 32, 3)).planes_first


@pytest.mark.parametrize(
    ("count", "settings", "shape"),
    [
        (784, {}, (28, 28, 1)),
        (3072, {}, (32, 32, 3)),
        (3072, {"image_size": (64, 48)}, (64, 48, 1)),
        (3072, {"image_size": (64, 16), "channels": 3}, (64, 16, 3)),
        (785, {}, None),
    ],
)
def test_shape_of_a_row_is_configured_or_a_square(count, settings, shape):
    assert shape_of_row(count, DataConfig(**settings)) == shape
