import keras
import numpy as np
import pytest

from sightline.config import ResnetConfig
from sightline.models import resnet
from sightline.training import precision


def maps(network):
    """The shapes of the feature maps, each once."""
    convolutions = [one for one in network.layers if isinstance(one, keras.layers.Conv2D)]
    return list(dict.fromkeys(one.output.shape[1:] for one in convolutions))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8, 1), [(8, 8, 4), (4, 4, 8)]),
        ((28, 28, 1), [(28, 28, 4), (14, 14, 8), (7, 7, 16)]),
        ((32, 40, 3), [(32, 40, 4), (16, 20, 8), (8, 10, 16), (4, 5, 32)]),
        ((64, 64, 3), [(32, 32, 4), (16, 16, 8), (8, 8, 16), (4, 4, 32)]),
        ((128, 128, 3), [(64, 64, 4), (32, 32, 8), (16, 16, 16), (8, 8, 32), (4, 4, 32)]),
    ],
)
def test_strides_and_width_follow_the_image_size(shape, expected):
    network = resnet.classifier(shape, 3, ResnetConfig(width=4))
    assert maps(network) == expected
    assert network.output_shape == (None, 3)


def test_blocks_shortcuts_and_dropout_are_those_of_the_config():
    shape = (32, 32, 3)
    settings = [
        ResnetConfig(width=4),
        ResnetConfig(width=4, shortcuts=True),
        ResnetConfig(width=4, blocks=2, shortcuts=True),
    ]
    networks = [resnet.classifier(shape, 3, one) for one in settings]
    kinds = [[type(layer).__name__ for layer in network.layers] for network in networks]
    assert [names.count("Conv2D") for names in kinds] == [7, 10, 16]  # three of 1x1
    assert [names.count("Add") for names in kinds] == [0, 3, 6]
    dropped = resnet.classifier(shape, 3, ResnetConfig(dropout=0.7)).get_layer("dropout")
    assert dropped.rate == pytest.approx(0.7)


def test_residual_sums_agree_in_bfloat16():
    keras.utils.set_random_seed(0)
    network = resnet.classifier((16, 16, 3), 3, ResnetConfig(width=8, shortcuts=True))
    images = np.random.default_rng(0).random((8, 16, 16, 3), np.float32)
    exact = network(images, training=False)
    with precision.computing_in(network, "bfloat16"):
        rounded = network(images, training=False)
    assert keras.backend.standardize_dtype(rounded.dtype) == "float32"
    difference = np.abs(np.asarray(rounded) - np.asarray(exact)).max()
    assert 0 < difference < 0.02
