import keras
import numpy as np
import pytest

from sightline.config import Augmentation
from sightline.errors import ConfigError
from sightline.training import state
from sightline.training.augmentation import RandAugment, augmentation
from sightline.training.ghost_batches import side_by_side
from sightline.training.warp import Warp

IMAGES = np.random.default_rng(0).random((400, 9, 14, 3), np.float32)
COLOR = Augmentation(brightness=0.2, contrast=0.3, saturation=0.4, hue=0.1)
OTHERS = [
    Augmentation(crop=0.4),
    Augmentation(padding=3),
    Augmentation(flip="both"),
    COLOR,
    Augmentation(rand_augment=0.6),
    Augmentation(erasing=0.5),
]
ALL = Augmentation.model_validate(
    {key: value for one in OTHERS for key, value in one.model_dump(exclude_defaults=True).items()}
    | {"rotation": 0.05}
)


def changed(settings, images=IMAGES, seed=1):
    layer = augmentation(settings, seed, images.shape[-1])
    return keras.ops.convert_to_numpy(layer(images, training=True))


def hue_saturation_value(images):
    return keras.ops.convert_to_numpy(keras.ops.image.rgb_to_hsv(images))


def same(one, other):
    """Return which images are equal."""
    return (one == other).all(axis=(1, 2, 3))


@pytest.mark.parametrize("settings", [*OTHERS, ALL])
def test_each_image_is_changed_in_its_own_way_within_black_and_white(settings):
    alike = np.repeat(IMAGES[:1], 64, axis=0)
    found = changed(settings, alike)
    assert found.shape == alike.shape
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1 + 1e-6
    assert len(np.unique(found, axis=0)) > 3, "not one change for the whole batch"
    np.testing.assert_array_equal(changed(settings, alike), found)
    assert not np.array_equal(changed(settings, alike, seed=2), found)
    unchanged = augmentation(settings, 1, 3)(alike, training=False)
    np.testing.assert_array_equal(unchanged, alike)


@pytest.mark.parametrize("settings", [*OTHERS, ALL])
def test_checkpoint_holds_what_the_next_changes_depend_on(settings):
    images = keras.Input((9, 14, 3))
    score = keras.layers.Dense(1)(keras.layers.Flatten()(images))
    network = keras.Model(images, score)
    model = side_by_side(network, 2, augmentation(settings, 1, 3))
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["accuracy"])
    state.prepare(model)

    def step():
        return model.train_on_batch([IMAGES[:3], IMAGES[3:5]], np.zeros((5, 1)))

    step()
    saved = state.capture(model, "seeds")
    following, later = step(), step()
    assert following != later
    state.restore(model, saved, "seeds")
    assert [step(), step()] == [following, later]


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        ("horizontal", {(1, 1): 200, (1, -1): 200}),
        ("vertical", {(1, 1): 200, (-1, 1): 200}),
        ("both", {(1, 1): 100, (1, -1): 100, (-1, 1): 100, (-1, -1): 100}),
    ],
)
def test_half_of_the_images_are_flipped_exactly(flip, expected):
    found = changed(Augmentation(flip=flip))
    counts = {
        (down, right): same(found, IMAGES[:, ::down, ::right]).sum() for down, right in expected
    }
    assert sum(counts.values()) == 400
    assert counts == pytest.approx(expected, abs=40)


def test_padded_crop_shifts_by_whole_pixels_into_the_reflection():
    found = changed(Augmentation(padding=2))
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    windows = np.array(
        [
            same(found, padded[:, down : down + 9, right : right + 14])
            for down in range(5)
            for right in range(5)
        ]
    )
    assert windows.any(axis=0).all()
    assert windows.any(axis=1).all(), "every shift occurs"


def test_crops_have_the_wanted_areas_within_the_image():
    warp = Warp(Augmentation(crop=0.3), seed=1)
    places = keras.ops.convert_to_numpy(warp._affine(2000, 9, 14))
    corner, opposite = places[:, 0, 0], places[:, -1, -1]
    assert corner.min() >= -1e-4
    assert (opposite <= np.array([8, 13]) + 1e-4).all()
    assert corner.max() > 2
    sides = (opposite - corner) / [8, 13]
    area = sides.prod(axis=1)
    assert area.min() == pytest.approx(0.3, abs=0.01)
    assert area.max() == pytest.approx(1, abs=0.01)
    assert area.mean() == pytest.approx(0.65, abs=0.02)
    assert 1.3 < (sides[:, 0] / sides[:, 1]).max() < 4 / 3 + 1e-4


def test_colors_change_as_far_as_wanted():
    gray = np.full((500, 4, 4, 1), 0.5, np.float32)
    brighter = changed(Augmentation(brightness=0.2), gray) - 0.5
    assert (np.abs(brighter).max(), brighter.mean()) == pytest.approx((0.2, 0), abs=0.01)
    halves = gray + np.float32([0.1, -0.1, 0.1, -0.1]).reshape(4, 1)
    contrast = changed(Augmentation(contrast=0.3), halves).std(axis=(1, 2, 3)) / 0.1
    assert (contrast.min(), contrast.max()) == pytest.approx((0.7, 1.3), abs=0.01)
    red = np.full((500, 4, 4, 3), [0.8, 0.5, 0.5], np.float32)
    before = hue_saturation_value(red)[0, 0, 0]
    saturation = hue_saturation_value(changed(Augmentation(saturation=0.4), red))[:, 0, 0]
    ratio = saturation[:, 1] / before[1]
    assert (ratio.min(), ratio.max()) == pytest.approx((0.6, 1.4), abs=0.02)
    hue = hue_saturation_value(changed(Augmentation(hue=0.1), red))[:, 0, 0, 0]
    assert np.abs((hue + 0.5) % 1 - 0.5).max() == pytest.approx(0.1, abs=0.005)


def test_erasing_fills_rectangles_of_some_images():
    found = changed(Augmentation(erasing=0.3))
    erased = (found == 0.5).all(axis=-1)
    np.testing.assert_array_equal(found[~erased], IMAGES[~erased])
    sizes = erased.sum(axis=(1, 2))
    assert (sizes > 0).mean() == pytest.approx(0.3, abs=0.07)
    rows, columns = erased.any(axis=2).sum(axis=1), erased.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(sizes, rows * columns)
    assert 0.3 < (sizes / 126).max() < 0.5


def test_two_operations_change_each_image():
    operations = [keras.layers.Rescaling(1, offset=2**number) for number in range(9)]
    layer = RandAugment(operations, seed=1)
    applied = keras.ops.convert_to_numpy(layer(np.zeros((900, 2, 2, 3)), training=True))
    drawn = applied[:, 0, 0, 0].astype(int)[:, np.newaxis] >> np.arange(9) & 1
    assert (drawn.sum(axis=1) == 2).all()
    assert drawn.sum(axis=0) == pytest.approx([200] * 9, abs=50)


def test_gray_images_have_no_color_to_change():
    for change in ({"hue": 0.1}, {"saturation": 0.1}):
        with pytest.raises(ConfigError, match=r"saturation.*hue.*data\.channels"):
            augmentation(Augmentation(**change), 1, channels=1)
    gray = IMAGES[..., :1]
    assert changed(Augmentation(rand_augment=1, contrast=1), gray).shape == gray.shape
