from functools import partial

import numpy as np
import pytest

from examples import CLASSES, pictures
from reading import ingest_arrays
from sightline.config import PreprocessingConfig, TrainingConfig
from sightline.data import preprocess
from sightline.data.scaling import SCALE, to_float
from sightline.data.split_arrays import open_split, read_split_labels
from sightline.errors import ConfigError, DataError
from sightline.storage import npy

FLOATS = PreprocessingConfig(store="float32")


def opened(run, arrays, name):
    """Return images and labels of a split as numpy arrays."""
    split = arrays.splits[name]
    return open_split(run.workspace, split)[:], read_split_labels(run.workspace, split)


def test_float32_copy_is_scaled_and_one_hot(run, files):
    result = preprocess.preprocess(run, files, FLOATS)
    images, labels = pictures(160, 1)
    train = result.splits["train"]
    stored = npy.open_mapped(run.workspace.root / train.images.path)
    assert stored.dtype == np.float32
    assert stored.shape == train.images.shape == (160, 12, 12, 1)
    np.testing.assert_array_equal(stored, images.astype(np.float32) * np.float32(1 / 255))
    assert stored.min() >= 0
    assert np.float32(255) * SCALE == 1
    one_hot = npy.open_mapped(run.workspace.root / train.labels.path)
    np.testing.assert_array_equal(one_hot, np.eye(CLASSES, dtype=np.float32)[labels])
    np.testing.assert_array_equal(read_split_labels(run.workspace, train), labels)
    assert set(result.splits) == {"train", "test"}


def test_without_a_copy_the_splits_are_rows_of_the_ingested_images(run, files):
    held_out = {"validation_fraction": 0.25}
    result = preprocess.preprocess(run, files, PreprocessingConfig(**held_out))
    scaled = preprocess.preprocess(run, files, FLOATS.model_copy(update=held_out))
    for name in ("train", "validation", "test"):
        assert result.splits[name].images == files.images.get(name, files.images["train"])
        (images, labels), (expected, same) = (opened(run, one, name) for one in (result, scaled))
        assert to_float(images).tobytes() == expected.tobytes()
        assert labels.tolist() == same.tolist()
    assert result.splits["test"].rows is None
    written = [file for one in result.splits.values() for file in (one.rows, one.labels) if file]
    assert sum(file.bytes for file in written) < 5_000


@pytest.mark.parametrize("settings", [PreprocessingConfig(), FLOATS])
def test_arrays_say_how_their_images_were_brought_to_one_form(run, files, settings):
    other = files.model_copy(update={"resize": "letterbox", "white": 1023})
    result = preprocess.preprocess(run, other, settings)
    assert (result.resize, result.white) == ("letterbox", 1023)


def test_equal_images_of_another_entry_are_found_where_they_are(run, files):
    preprocess.preprocess(run, files, PreprocessingConfig())
    images = {
        name: one.model_copy(update={"path": "moved.npy"}) for name, one in files.images.items()
    }
    moved = preprocess.preprocess(
        run, files.model_copy(update={"images": images}), PreprocessingConfig()
    )
    assert {split.images.path for split in moved.splits.values()} == {"moved.npy"}


def test_validation_split_has_the_same_share_of_each_class_and_no_training_image(run, files):
    result = preprocess.preprocess(run, files, PreprocessingConfig(validation_fraction=0.25))
    rows = []
    for name, each in (("train", 30), ("validation", 10)):
        images, labels = opened(run, result, name)
        assert np.bincount(labels).tolist() == [each] * CLASSES
        rows += [image.tobytes() for image in images]
    assert len(rows) == 160
    assert set(rows) == {image.tobytes() for image in pictures(160, 1)[0]}


def test_seed_determines_the_validation_split(run, files):
    digests = []
    for number, seed in enumerate((0, 0, 1)):
        repeated = run.model_copy(update={"id": f"run-{number}", "refresh": True})
        config = PreprocessingConfig(validation_fraction=0.25, seed=seed)
        result = preprocess.preprocess(repeated, files, config)
        digests.append(result.splits["validation"].rows.sha256)
    assert digests[0] == digests[1] != digests[2]


def test_class_with_a_single_training_image_cannot_be_validated(run, tmp_path):
    images = np.zeros((4, 8, 8), dtype=np.uint8)
    arrays = {"x_train": images, "y_train": [0, 0, 0, 1], "x_test": images, "y_test": [0, 0, 0, 1]}
    files = ingest_arrays(run, tmp_path / "single.npz", **arrays)
    check = partial(preprocess.check_validation_split, training=TrainingConfig(epochs=1))
    for refuse in (check, partial(preprocess.preprocess, run)):
        with pytest.raises(DataError, match=r"'1' .*validation split"):
            refuse(files, PreprocessingConfig(validation_fraction=0.5))
    check(files, PreprocessingConfig())


@pytest.mark.parametrize("key", ["keep_weights", "early_stopping"])
def test_setting_that_needs_a_validation_split_is_refused_only_without_one(files, key):
    training = TrainingConfig(epochs=1, **{key: {"keep_weights": "best"}.get(key, 2)})
    check = partial(preprocess.check_validation_split, training=training)
    with pytest.raises(ConfigError, match=rf"training\.{key} .*preprocessing\.validation_fraction"):
        check(files, PreprocessingConfig())
    check(files, PreprocessingConfig(validation_fraction=0.2))
    own = files.model_copy(update={"images": {**files.images, "validation": files.images["test"]}})
    check(own, PreprocessingConfig())
