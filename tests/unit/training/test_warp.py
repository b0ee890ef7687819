import keras
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from sightline.config import Augmentation
from sightline.training.augmentation import augmentation
from sightline.training.ghost_batches import side_by_side
from sightline.training.warp import Warp

ALL = Augmentation(rotation=0.1, translation=0.2, zoom=0.3, shear=0.2, elastic=0.05)
IMAGES = np.random.default_rng(0).random((6, 9, 14, 3), np.float32)
GRID = np.stack(np.mgrid[:9, :14], axis=-1).astype(np.float32)


def places(settings, count=500):
    """Displacement of the pixels of N images, in pixels."""
    warp = Warp(settings, seed=1)
    moved = warp._affine(count, 9, 14) + (warp._elastic(count, 9, 14) if settings.elastic else 0.0)
    return keras.ops.convert_to_numpy(moved) - GRID


def test_images_are_changed_in_training_alone():
    assert augmentation(Augmentation(), seed=1, channels=3) is None, "nothing to change"
    warp = augmentation(ALL, seed=1, channels=3)
    assert warp is not None
    np.testing.assert_array_equal(warp(IMAGES, training=False), IMAGES)
    changed = keras.ops.convert_to_numpy(warp(IMAGES, training=True))
    assert changed.shape == IMAGES.shape
    assert changed.dtype == np.float32
    assert np.abs(changed - IMAGES).mean() > 0.05
    assert 0 <= changed.min() <= changed.max() <= 1


def test_change_is_new_each_time_and_one_of_the_seed():
    def twice():
        warp = Warp(ALL, seed=3)
        return [keras.ops.convert_to_numpy(warp(IMAGES, training=True)) for _ in range(2)]

    first, second = twice()
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(twice(), [first, second])


def test_pixels_are_interpolated_as_scipy_does(monkeypatch):
    where = places(ALL, len(IMAGES)) + GRID
    where[0] = GRID + np.float32([2, -3])  # whole pixels
    where[1] = GRID * 5 - 20  # far outside
    warp = Warp(Augmentation(zoom=0.1), seed=1)
    monkeypatch.setattr(warp, "_affine", lambda *_: keras.ops.convert_to_tensor(where))
    found = keras.ops.convert_to_numpy(warp(IMAGES, training=True))
    for image, place, changed in zip(IMAGES, where, found, strict=True):
        for channel in range(3):
            expected = map_coordinates(
                image[..., channel], place.transpose(2, 0, 1), order=1, mode="grid-constant"
            )
            np.testing.assert_allclose(changed[..., channel], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "at_corner"),
    [
        (Augmentation(translation=0.2), (0.2 * 9, 0.2 * 14)),
        (Augmentation(zoom=0.3), (0.3 * 4, 0.3 * 6.5)),
        (Augmentation(shear=0.2), (0, 0.2 * 4)),
    ],
)
def test_changes_reach_their_largest_size_and_no_further(settings, at_corner):
    corner = np.abs(places(settings)[:, 0, 0]).max(axis=0)
    assert (corner <= np.array(at_corner) + 1e-5).all()
    assert (corner >= 0.95 * np.array(at_corner)).all()


def test_rotation_keeps_distances_and_stays_below_its_largest_angle():
    centre = np.array([4, 6.5])
    moved = places(Augmentation(rotation=0.1)) + GRID - centre
    lengths = np.linalg.norm(GRID - centre, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=-1) - lengths, 0, atol=1e-4)
    right = moved[:, 4, 13]
    angles = np.abs(np.arctan2(right[:, 0], right[:, 1])) / (2 * np.pi)
    assert 0.095 < angles.max() <= 0.1 + 1e-6


def test_elastic_displacement_has_its_size_and_is_smooth():
    bent = places(Augmentation(elastic=0.05), 3000)
    np.testing.assert_allclose(bent.std(axis=0)[..., 0], 0.05 * 9, rtol=0.1)
    np.testing.assert_allclose(bent.std(axis=0)[..., 1], 0.05 * 14, rtol=0.1)
    neighbours = [np.corrcoef(bent[:, 4, at, 0], bent[:, 4, at + 1, 0])[0, 1] for at in range(13)]
    assert min(neighbours) > 0.9
    assert abs(np.corrcoef(bent[:, 4, 0, 0], bent[:, 4, 13, 0])[0, 1]) < 0.1
    assert abs(np.corrcoef(bent[:, 4, 6, 0], bent[:, 4, 6, 1])[0, 1]) < 0.1


@pytest.mark.parametrize("ghost_batches", [1, 2])
def test_it_stands_in_front_of_the_network_and_not_in_it(ghost_batches):
    images = keras.Input((9, 14, 3))
    network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
    trained = side_by_side(network, ghost_batches, augmentation(ALL, seed=1, channels=3))
    parts = [IMAGES[:4], IMAGES[4:]] if ghost_batches == 2 else IMAGES
    np.testing.assert_array_equal(trained(parts, training=False), network(IMAGES))
    assert np.abs(trained(parts, training=True) - network(IMAGES)).max() > 0.01
    assert not any(isinstance(layer, Warp) for layer in network.layers)
