import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import softmax

from sightline.evaluation import class_activation, saliency

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 72, 64, 3), np.float32)
CLASSES = np.array([2, 0, 3])


def network(hidden=None, size=(72, 64)):
    images = keras.Input((*size, 3))
    features = layers.Conv2D(6, 3, strides=8, activation="relu")(images)
    pooled = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(features))
    if hidden:
        pooled = layers.Dense(hidden, activation="relu")(pooled)
    model = keras.Model(images, layers.Dense(4, activation="softmax")(pooled))
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape))
    return model


def test_maps_add_up_to_the_score_relative_to_the_mean_of_the_classes(monkeypatch):
    model = network()
    monkeypatch.setattr(class_activation, "_BATCH", 2)
    found = class_activation.attribute(model, IMAGES, CLASSES)
    assert (found.maps.dtype, found.maps.shape) == (np.float32, (3, 9, 8))
    assert found.distance < 1e-5
    bias = model.layers[-1].get_weights()[1]
    log_probabilities = np.log(model.predict(IMAGES, verbose=0))
    scores = log_probabilities - log_probabilities.mean(axis=1, keepdims=True)
    expected = (scores - (bias - bias.mean()))[[0, 1, 2], CLASSES]
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), expected, atol=1e-4)


def test_position_that_holds_the_evidence_has_it_in_the_map():
    model = network()
    kernel = model.layers[-1].get_weights()[0]
    weights = kernel[:, 1] - kernel.mean(axis=1)
    features = keras.Model(model.inputs, model.layers[1].output).predict(IMAGES[:1], verbose=0)
    expected = features[0] @ weights / 72
    found = class_activation.attribute(model, IMAGES[:1], np.array([1]))
    np.testing.assert_allclose(found.maps[0], expected, atol=1e-5)


def test_only_large_images_and_a_single_layer_behind_the_pooling_are_explained_so():
    assert class_activation.applies(network())
    assert not class_activation.applies(network(hidden=5))
    large, _, _ = saliency._explain(network(), IMAGES[:1], CLASSES[:1])
    small, _, _ = saliency._explain(network(size=(16, 16)), IMAGES[:1, :16, :16], CLASSES[:1])
    assert (large, small) == ("class activation", "integrated gradients")


def test_network_that_computes_more_than_its_layers_say_has_a_distance():
    class Sharper(layers.Dense):
        def call(self, inputs):
            return keras.ops.softmax(3 * keras.ops.matmul(inputs, self.kernel))

    images = keras.Input((72, 64, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, strides=8)(images))
    model = keras.Model(images, Sharper(4, activation="softmax")(pooled))
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape))
    found = class_activation.attribute(model, IMAGES, CLASSES)
    kernel, bias = model.layers[-1].get_weights()
    features = keras.Model(model.inputs, pooled).predict(IMAGES, verbose=0)
    difference = softmax(features @ kernel + bias, axis=1) - model.predict(IMAGES, verbose=0)
    assert found.distance == pytest.approx(np.abs(difference).max(), abs=1e-5)
    assert found.distance > 0.01
