import keras
import numpy as np
import pytest

from sightline.config import VggConfig
from sightline.errors import ConfigError
from sightline.models import build, vgg
from sightline.models.whitening import whitening
from stored_photos import store

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 32, 24, 3), np.uint8)


@pytest.fixture(scope="module")
def network():
    settings = VggConfig(widths=(4, 8, 16), dropout=0.3)
    return vgg.classifier(IMAGES.shape[1:], 5, settings, whitening(IMAGES))


def test_each_block_halves_the_image(network):
    names = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    shapes = [network.get_layer(name).output.shape[1:] for name in names]
    first, *blocks = shapes
    assert first == (31, 23, 24)
    assert blocks == [(31, 23, 4), (15, 11, 4), (15, 11, 8), (7, 5, 8), (7, 5, 16), (3, 2, 16)]
    assert network.output_shape == (None, 5)
    assert network.get_layer("dropout").rate == pytest.approx(0.3)


def test_whitening_travels_in_the_architecture_and_is_not_trained(network):
    again = keras.models.model_from_json(network.to_json())
    for one, other in zip(whitening(IMAGES), again.get_layer("whitening").weights, strict=True):
        np.testing.assert_array_equal(one, other)
    trained = {weight.path.split("/")[0] for weight in again.trainable_weights}
    assert "whitening" not in trained
    assert {"block_1_1_convolution", "probabilities"} <= trained


def test_more_blocks_than_the_images_can_be_halved_are_refused(run):
    small = np.random.default_rng(0).integers(0, 256, (8, 16, 20, 3), np.uint8)
    run.workspace.root.mkdir()
    arrays = store(run, "arrays", train=small, test=small)
    assert build.build(run, arrays, VggConfig(widths=(2, 2, 2))).layers[1].name == "whitening"
    with pytest.raises(ConfigError, match=r"model\.widths has 4 blocks.*16 pixels"):
        build.build(run, arrays, VggConfig(widths=(2, 2, 2, 2)))
