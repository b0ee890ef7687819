import json
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import keras
import numpy as np
import pytest

from sightline.config import BackboneConfig
from sightline.config.model import BackboneName
from sightline.errors import ConfigError
from sightline.models import applications, backbone, efficientnet_lite, file_checks

SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def model():
    return backbone.classifier(SHAPE, 4, BackboneConfig())[0]


def test_backbone_is_efficientnet_lite0_with_a_new_head(model):
    """4.65 million parameters, of which 1,281,000 belong to the head for ImageNet."""
    head = sum(layer.count_params() for layer in backbone.head(model))
    assert model.count_params() - head == 3_413_024
    assert head == 1280 * 4 + 4
    assert model.output_shape == (None, 4)


def test_features_are_those_of_the_pretrained_network(model):
    """Recorded when the network with its ImageNet head named photographed shoes as such."""
    rows, columns = np.mgrid[0:1:32j, 0:1:32j]
    image = np.stack([rows, columns, rows * columns], axis=-1)[np.newaxis].astype(np.float32)
    features = backbone.front(model, backbone.POOLING)(image).numpy()
    assert features.shape == (1, 1280)
    assert (features.mean(), features.std()) == pytest.approx((0.031785, 0.232960), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "name", "trained"),
    [
        (BackboneConfig(finetune="head"), "average_pooling", 5_124),
        (BackboneConfig(finetune="tail"), "group_6", 1_030_532),
        (BackboneConfig(finetune="tail", cut="group_5"), "group_5", None),
    ],
)
def test_layers_up_to_the_cut_and_after_it_make_the_model(model, settings, name, trained):
    assert backbone.last_frozen(model, settings) == name
    front, tail = backbone.front(model, name), backbone.tail(model, name)
    images = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    np.testing.assert_allclose(tail(front(images)), model(images), atol=1e-6)
    assert trained in {None, tail.count_params()}
    assert front.count_params() + tail.count_params() == model.count_params()


@pytest.mark.parametrize(
    ("cut", "fact"), [("group_9", "no layer"), ("group_5_2_depthwise_relu", "end of a block")]
)
def test_cut_that_is_no_end_of_a_block_is_refused(model, cut, fact):
    with pytest.raises(ConfigError, match=rf"model\.cut is '{cut}'.*{fact}"):
        backbone.last_frozen(model, BackboneConfig(cut=cut))


def test_everything_is_trained_but_batch_normalization_if_asked(model):
    assert backbone.last_frozen(model, BackboneConfig(finetune="full")) is None
    backbone.freeze(model)
    frozen = {type(layer).__name__ for layer in model.layers if not layer.trainable}
    assert frozen == {"BatchNormalization"}


def test_gray_images_and_a_missing_package_are_refused_with_the_remedy(monkeypatch):
    with pytest.raises(ConfigError, match=r"data\.channels"):
        backbone.classifier((32, 32, 1), 4, BackboneConfig())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"sightline\[pretrained\]"):
        backbone.classifier(SHAPE, 4, BackboneConfig())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("mobilenetv3-large", 2_996_352),
        ("efficientnetv2-s", 20_331_360),
        ("convnext-tiny", 27_820_128),
        ("resnet50v2", 23_564_800),
        ("densenet121", 7_037_504),
    ],
)
def test_networks_of_keras_are_complete_and_may_be_in_model_files(name, parameters):
    def describe():
        with keras.StatelessScope(initialize_variables=False):  # no memory for the weights
            images = keras.Input((32, 32, 3))
            network = keras.Model(images, applications.features(name, images))
            return network.count_params(), json.loads(network.to_json())

    with ThreadPoolExecutor(1) as pool:  # Keras would create the weights later in this thread
        count, architecture = pool.submit(describe).result()
    assert count == parameters
    file_checks.check_objects(architecture)


def test_names_are_those_of_the_config_and_too_small_images_are_refused():
    assert set(get_args(BackboneName)) == set(backbone.BACKBONES)
    with pytest.raises(ConfigError, match=r"mobilenetv3-small.*16x16.*data\.image_size"):
        applications.features("mobilenetv3-small", keras.Input((16, 16, 3)))


def test_other_weights_are_refused(model):
    with pytest.raises(ValueError):  # noqa: PT011 - of zip or Keras
        efficientnet_lite.assign(model, {"_conv_stem.weight": np.zeros((32, 3, 3, 3), np.float32)})
