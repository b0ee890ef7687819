import keras
import numpy as np

from sightline.config import ResnetConfig
from sightline.models import keras_files, mirrored, resnet

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
