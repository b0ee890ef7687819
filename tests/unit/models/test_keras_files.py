import hashlib
import json
import zipfile

import keras
import numpy as np
import pytest

from sightline.config import CnnConfig, Convolution
from sightline.models import cnn, keras_files
from sightline.records import ModelMetadata
from sightline.storage import digests

LAYERS = CnnConfig(convolutions=(Convolution(filters=4),), dense_units=3)
METADATA = ModelMetadata(
    class_names=("Äpfel", "<b>[red]"), image_shape=(8, 8, 1), resize="crop", white=1023
)
IMAGES = np.arange(128, dtype=np.uint8).reshape(2, 8, 8, 1)


@pytest.fixture(scope="module")
def network():
    return cnn.classifier((8, 8, 1), 2, LAYERS)


@pytest.fixture
def path(network, tmp_path):
    keras_files.export(network, tmp_path / "model.keras", METADATA)
    return tmp_path / "model.keras"


def test_metadata_come_back_with_the_model(path):
    model, found = keras_files.read_with_metadata(path, digests.sha256(path))
    assert found == METADATA
    assert (predictions(model) == predictions(keras_files.read_model(path))).all()


def test_anyone_reads_the_metadata_and_keras_ignores_them(path):
    found = json.loads(zipfile.ZipFile(path).read("sightline.json"))
    assert found["class_names"] == ["Äpfel", "<b>[red]"]
    assert (found["image_shape"], found["resize"], found["white"]) == ([8, 8, 1], "crop", 1023)
    model = keras.saving.load_model(path)
    assert (predictions(model) == predictions(keras_files.read_model(path))).all()


def test_equal_models_give_equal_bytes_and_metadata_change_no_weight(network, path, tmp_path):
    keras_files.export(network, tmp_path / "again.keras", METADATA)
    assert (tmp_path / "again.keras").read_bytes() == path.read_bytes()
    keras_files.export(network, tmp_path / "plain.keras")
    assert weights_digest(tmp_path / "plain.keras") == weights_digest(path)


def test_model_without_metadata_is_read(network, tmp_path):
    keras_files.export(network, tmp_path / "plain.keras")
    assert keras_files.read_with_metadata(tmp_path / "plain.keras")[1] is None


def predictions(model):
    return np.asarray(model.predict_on_batch(IMAGES))


def weights_digest(path):
    return hashlib.sha256(zipfile.ZipFile(path).read("model.weights.h5")).hexdigest()
