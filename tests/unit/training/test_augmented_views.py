import keras
import numpy as np

from sightline.config import Augmentation, PreprocessingConfig
from sightline.data import preprocess
from sightline.data.split_arrays import open_split, read_split_labels
from sightline.pipeline.cache import Draft
from sightline.storage.npy import open_mapped
from sightline.training import augmented_views, train
from trained_textures import FIT


def views(textures, folder, changes, seed=0, arrays=None):
    """Return the stored array, (1 + views, m, height, width, channels); None if there is none."""
    settings = FIT.model_copy(update={"augmentation": Augmentation(**changes), "seed": seed})
    split = (arrays or textures.arrays).splits["train"]
    draft = Draft(folder, "made")
    found = augmented_views.write(textures.run.workspace, split, settings, draft)
    if found is None:
        return None
    stored = np.array(open_mapped(folder / "augmented_views.npy"))
    assert (found.shape, found.dtype) == (stored.shape, str(stored.dtype))
    return stored


def test_each_view_is_the_image_or_its_mirror_image(textures, tmp_path):
    found = views(textures, tmp_path, {"flip": "horizontal"})
    assert found.shape == (5, 8, 12, 12, 1)
    assert found.dtype == np.uint8
    images, flipped = found[0], found[0][:, :, ::-1]
    same = (found[1:] == images).all(axis=(2, 3, 4))
    mirrored = (found[1:] == flipped).all(axis=(2, 3, 4))
    assert (same | mirrored).all()
    assert 0 < (mirrored & ~same).sum() < mirrored.size


def test_images_of_all_classes_that_are_trained_on_are_shown(textures, tmp_path):
    images = views(textures, tmp_path, {"flip": "vertical"})[0]
    split = textures.arrays.splits["train"]
    stored = open_split(textures.run.workspace, split)[np.arange(split.count)]
    rows = [np.flatnonzero((stored == image).all(axis=(1, 2, 3)))[0] for image in images]
    labels = read_split_labels(textures.run.workspace, split)[rows]
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_views_follow_the_seed_and_not_the_form_of_the_arrays(textures, tmp_path):
    changes = {"rotation": 0.1, "erasing": 0.5, "rand_augment": 0.5}
    first = views(textures, tmp_path, changes)
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(views(textures, tmp_path, changes), first)
    settings = PreprocessingConfig(validation_fraction=0.2, store="float32")
    scaled = preprocess.preprocess(textures.run, textures.files, settings)
    np.testing.assert_array_equal(views(textures, tmp_path, changes, arrays=scaled), first)
    other = views(textures, tmp_path, changes, seed=1)
    np.testing.assert_array_equal(other[0], first[0])
    assert not np.array_equal(other[1:], first[1:])


def test_mixed_images_are_shown_as_the_network_sees_them(textures, tmp_path):
    found = views(textures, tmp_path, {"cutmix": 1.0})
    before = np.roll(found[0], 1, axis=0)
    assert ((found[1:] == found[0]) | (found[1:] == before)).all()
    assert not np.array_equal(found[1], found[0])


def test_large_images_are_few(textures, tmp_path, monkeypatch):
    monkeypatch.setattr(augmented_views, "MOST_BYTES", 5 * 12 * 12 * 3)
    assert views(textures, tmp_path, {"flip": "horizontal"}).shape == (5, 3, 12, 12, 1)


def test_training_without_augmentation_has_no_views(textures, tmp_path):
    assert views(textures, tmp_path, {}) is None
    assert textures.trained.augmented_views is None


def test_weights_do_not_depend_on_the_views(textures, monkeypatch):
    settings = FIT.model_copy(update={"augmentation": Augmentation(padding=2), "epochs": 1})
    inputs = (textures.arrays, textures.blueprint, settings)
    shown = train.train(textures.refreshed, *inputs)
    monkeypatch.setattr(augmented_views, "write", lambda *_: None)
    hidden = train.train(textures.refreshed, *inputs)
    assert (shown.augmented_views is None, hidden.augmented_views is None) == (False, True)
    assert shown.weights_sha256 == hidden.weights_sha256
    assert shown.seeds_sha256 == hidden.seeds_sha256
