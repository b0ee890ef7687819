import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

import saliency_on_backend
from saliency_on_backend import CLASSES, IMAGES
from sightline.evaluation import saliency
from sightline.evaluation.model_under_test import Context
from sightline.evaluation.saliency import input_gradients, probabilities_of
from sightline.models import keras_files
from sightline.records import ArrayFile

ONE = np.ones(1, int)
RECORD = ArrayFile(path="saliency.npy", sha256="0" * 64, bytes=1, shape=(2, 10, 8), dtype="float32")


@pytest.fixture(scope="module")
def network():
    return saliency_on_backend.network()


def linear(kernel, bias, shape):
    """Build a network whose logits are image . kernel + bias."""
    images = keras.Input(shape)
    scores = keras.layers.Dense(len(bias))(keras.layers.Flatten()(images))
    model = keras.Model(images, keras.layers.Softmax()(scores))
    model.set_weights([kernel, np.array(bias)])
    return model


def logistic(weights, bias):
    """Build a network whose second class has the probability expit(weights . image + bias)."""
    kernel = np.stack([np.zeros(weights.size), weights.ravel()], axis=1)
    return linear(kernel, (0, bias), weights.shape)


def drawn(scale):
    return np.random.default_rng(0).normal(scale=scale, size=(6, 5, 1))


def test_gradient_of_a_linear_network_is_that_of_the_softmax():
    kernel = np.random.default_rng(2).normal(scale=0.1, size=(240, 3))
    probabilities = softmax(IMAGES.reshape(3, 240) @ kernel, axis=1)
    chosen = probabilities[[0, 1, 2], CLASSES]
    expected = chosen[:, np.newaxis] * (kernel.T[CLASSES] - probabilities @ kernel.T)
    gradients = input_gradients(linear(kernel, (0, 0, 0), IMAGES.shape[1:]), IMAGES, CLASSES)
    assert (gradients.dtype, gradients.shape) == (np.float32, IMAGES.shape)
    np.testing.assert_allclose(gradients.reshape(3, 240), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.campaign
def test_jax_gives_the_gradients_of_tensorflow(network):
    done = subprocess.run(
        [sys.executable, Path(saliency_on_backend.__file__)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    backend, gradients = json.loads(done.stdout.splitlines()[-1])
    assert backend == "jax"
    together = input_gradients(network, IMAGES, CLASSES)
    np.testing.assert_allclose(gradients, together, atol=1e-5)
    alone = input_gradients(network, IMAGES[1:2], CLASSES[1:2])
    np.testing.assert_allclose(alone, together[1:2], rtol=1e-4, atol=1e-6)


def test_linear_network_is_explained_as_by_hand():
    weights, images = drawn(1.0), np.random.default_rng(1).random((3, 6, 5, 1), np.float32)
    # Only expit' changes along the path.
    scores = (weights * images).sum(axis=(1, 2, 3))
    slope = (expit(scores - 0.5) - expit(-0.5)) / scores
    expected = (slope[:, None, None, None] * weights * images).sum(axis=-1)
    maps, distance = saliency.attribute(logistic(weights, -0.5), images, np.ones(3, int))
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    assert distance < 1e-5


def test_map_adds_up_to_what_the_image_changes_also_for_a_network_from_a_file(tmp_path, network):
    maps, distance = saliency.attribute(network, IMAGES, CLASSES)
    black = probabilities_of(network, np.zeros_like(IMAGES), CLASSES)
    change = probabilities_of(network, IMAGES, CLASSES) - black
    distances = np.abs(maps.sum(axis=(1, 2)) - change)
    assert np.abs(change).max() > 0.1
    assert distances.max() < 0.01
    assert distance == pytest.approx(distances.max(), abs=1e-5)
    keras_files.export(network, tmp_path / "model.keras")
    read = keras_files.without_preprocessing(keras_files.read_model(tmp_path / "model.keras"))
    again, _ = saliency.attribute(read, IMAGES[:1], CLASSES[:1])
    np.testing.assert_allclose(again, maps[:1], atol=1e-6)


def test_steep_network_gets_more_points(monkeypatch):
    batches: list[int] = []

    def counting(model, images, classes):
        batches.append(len(images))
        return input_gradients(model, images, classes)

    monkeypatch.setattr(saliency, "input_gradients", counting)
    weights = np.abs(drawn(30.0))
    image = np.ones((1, 6, 5, 1), np.float32)
    gentle, steep = logistic(weights / 300, 0), logistic(weights, -0.37 * weights.sum())
    assert saliency.attribute(gentle, image, ONE)[1] < 0.01
    assert sum(batches) == 32
    batches.clear()
    assert saliency.attribute(steep, image, ONE)[1] < 0.01
    assert 64 < sum(batches) <= 32 + 64 + 128 + 256 + 512
    steepest = logistic(np.full((6, 5, 1), 1e5), -0.37 * 3e6)
    assert saliency.attribute(steepest, image, ONE)[1] > 0.01, "returned, although incomplete"


def test_black_pixels_get_no_attribution(network):
    image = IMAGES[:1].copy()
    image[:, :4] = 0
    maps, _ = saliency.attribute(network, image, CLASSES[:1])
    assert maps.shape == (1, 10, 8)
    assert not maps[:, :4].any()
    assert maps[:, 4:].all()


def test_maps_in_many_batches_are_those_of_a_single_one(network, monkeypatch):
    expected, _ = saliency.attribute(network, IMAGES, CLASSES)
    monkeypatch.setattr(saliency, "_BATCH_BYTES", 3 * IMAGES[0].nbytes)
    found, _ = saliency.attribute(network, IMAGES, CLASSES)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(expected).max() > 1e-3


def test_maps_that_do_not_add_up_are_left_out(tmp_path, monkeypatch, caplog):
    tested = SimpleNamespace(
        files=SimpleNamespace(class_names=("a", "b", "c")),
        limits=SimpleNamespace(saliency=3),
        network=None,
        images=IMAGES,
    )
    draft = SimpleNamespace(path=tmp_path.joinpath, array_record=lambda writer: RECORD)
    mistakes = [SimpleNamespace(index=n, predicted="abc"[CLASSES[n]]) for n in (2, 0)]
    monkeypatch.setattr(saliency, "most_confident_mistakes", lambda *_: (mistakes, 2))
    for error in (0.09, 0.11):
        maps = IMAGES[[2, 0], ..., 0]
        monkeypatch.setattr(
            saliency, "_explain", lambda *_, e=error, m=maps: ("integrated gradients", m, e)
        )
        found = saliency.measure(Context(tested, None, draft, None))
        assert (found is None) == (error > 0.1)
        assert ("left out" in caplog.text) == (error > 0.1)


def test_map_of_a_huge_image_has_a_cost():
    images = keras.Input((2048, 1536, 1))
    classes = keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(images))
    network = keras.Model(images, keras.layers.Softmax()(classes))
    assert saliency.multiplications_of_a_map(network, 10) == 3 * 32 * 10
