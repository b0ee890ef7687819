import keras
import numpy as np

from sightline.config import ResnetConfig
from sightline.models import keras_files, mirrored, penultimate, resnet

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 10, 3), np.uint8)


def test_exported_model_averages_image_and_mirror_image(tmp_path):
    keras.utils.set_random_seed(0)
    network = resnet.classifier(IMAGES.shape[1:], 3, ResnetConfig(width=4))
    keras_files.export(mirrored.averaged(network), tmp_path / "model.keras")
    found = np.asarray(keras_files.read_model(tmp_path / "model.keras")(IMAGES))
    scaled = IMAGES / np.float32(255)
    plain, mirror = (np.asarray(network(each)) for each in (scaled, scaled[:, :, ::-1]))
    assert np.abs(plain - mirror).max() > 0.001
    np.testing.assert_allclose(found, (plain + mirror) / 2, atol=1e-6)


def test_features_of_a_model_that_looks_twice_are_those_of_the_image_itself(tmp_path):
    network = resnet.classifier(IMAGES.shape[1:], 3, ResnetConfig(width=4))
    found = []
    for name, model in (("plain", network), ("mirrored", mirrored.averaged(network))):
        keras_files.export(model, tmp_path / f"{name}.keras")
        exported = penultimate.with_features(keras_files.read_model(tmp_path / f"{name}.keras"))
        found.append(np.asarray(exported(IMAGES))[:, 3:])
    assert found[0].shape[1] > 3
    np.testing.assert_allclose(*found, atol=1e-6)
