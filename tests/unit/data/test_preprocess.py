from functools import partial

import numpy as np
import pytest

from examples import CLASSES, pictures
from reading import ingest_arrays
from sightline.config import PreprocessingConfig
from sightline.data import preprocess
from sightline.data.scaling import SCALE, to_float
from sightline.errors import DataError
from sightline.storage import npy


def test_images_are_scaled_and_labels_encoded(run, files):
    result = preprocess.preprocess(run, files, PreprocessingConfig())
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
    assert set(result.splits) == {"train", "test"}


def test_uint8_images_are_stored_as_they_are_and_scaled_alike_when_read(run, files):
    stored, scaled = (
        npy.open_mapped(
            run.workspace.root
            / preprocess.preprocess(run, files, PreprocessingConfig(store=store))
            .splits["train"]
            .images.path
        )
        for store in ("uint8", "float32")
    )
    np.testing.assert_array_equal(stored, pictures(160, 1)[0])
    assert to_float(stored).tobytes() == scaled.tobytes()


def test_validation_split_has_the_same_share_of_each_class_and_no_training_image(run, files):
    result = preprocess.preprocess(run, files, PreprocessingConfig(validation_fraction=0.25))
    rows = []
    for name, each in (("train", 30), ("validation", 10)):
        split = result.splits[name]
        labels = npy.open_mapped(run.workspace.root / split.labels.path)
        assert labels.sum(axis=0).tolist() == [each] * CLASSES
        images = npy.open_mapped(run.workspace.root / split.images.path)
        rows += [image.tobytes() for image in images]
    expected = pictures(160, 1)[0].astype(np.float32) * SCALE
    assert len(rows) == 160
    assert set(rows) == {image.tobytes() for image in expected}


def test_seed_determines_the_validation_split(run, files):
    digests = []
    for number, seed in enumerate((0, 0, 1)):
        repeated = run.model_copy(update={"id": f"run-{number}", "refresh": True})
        config = PreprocessingConfig(validation_fraction=0.25, seed=seed)
        result = preprocess.preprocess(repeated, files, config)
        digests.append(result.splits["validation"].images.sha256)
    assert digests[0] == digests[1] != digests[2]


def test_class_with_a_single_training_image_cannot_be_validated(run, tmp_path):
    images = np.zeros((4, 8, 8), dtype=np.uint8)
    arrays = {"x_train": images, "y_train": [0, 0, 0, 1], "x_test": images, "y_test": [0, 0, 0, 1]}
    files = ingest_arrays(run, tmp_path / "single.npz", **arrays)
    check = preprocess.check_validation_split
    for refuse in (check, partial(preprocess.preprocess, run)):
        with pytest.raises(DataError, match=r"'1' .*validation split"):
            refuse(files, PreprocessingConfig(validation_fraction=0.5))
    check(files, PreprocessingConfig())
