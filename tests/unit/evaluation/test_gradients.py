import keras
import numpy as np
import pytest
from scipy.special import softmax

from saliency_elsewhere import CLASSES, IMAGES, network
from sightline.evaluation.gradients import input_gradients, probabilities_of


def test_gradient_of_a_linear_network_is_that_of_the_softmax() -> None:
    images = keras.Input(IMAGES.shape[1:])
    scores = keras.layers.Dense(3)(keras.layers.Flatten()(images))
    model = keras.Model(images, keras.layers.Softmax()(scores))
    weights = np.random.default_rng(2).normal(scale=0.1, size=(240, 3))
    model.set_weights([weights, np.zeros(3)])
    probabilities = softmax(IMAGES.reshape(3, 240) @ weights, axis=1)
    chosen = probabilities[[0, 1, 2], CLASSES]
    expected = chosen[:, np.newaxis] * (weights.T[CLASSES] - probabilities @ weights.T)
    gradients = input_gradients(model, IMAGES, CLASSES)
    assert gradients.dtype == np.float32
    assert gradients.shape == IMAGES.shape
    np.testing.assert_allclose(gradients.reshape(3, 240), expected, rtol=1e-4, atol=1e-6)


def test_probability_is_that_of_the_class_asked_for() -> None:
    model = network()
    expected = model.predict(IMAGES, verbose=0)[[0, 1, 2], CLASSES]
    np.testing.assert_allclose(probabilities_of(model, IMAGES, CLASSES), expected, atol=1e-6)


def test_gradient_of_an_image_depends_on_no_other() -> None:
    model = network()
    together = input_gradients(model, IMAGES, CLASSES)
    alone = input_gradients(model, IMAGES[1:2], CLASSES[1:2])
    np.testing.assert_allclose(alone, together[1:2], rtol=1e-4, atol=1e-6)


def test_gradients_of_all_classes_cancel_out() -> None:
    model = network()
    by_class = [input_gradients(model, IMAGES, np.full(3, number)) for number in range(3)]
    assert sum(by_class) == pytest.approx(0, abs=1e-5)
