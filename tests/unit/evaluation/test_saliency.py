import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import expit

from saliency_elsewhere import CLASSES, IMAGES, explain, network
from sightline.evaluation import saliency
from sightline.evaluation.gradients import probabilities_of
from sightline.models import keras_files

PROGRAM = Path(__file__).parents[2] / "support" / "saliency_elsewhere.py"


def linear(weights: np.ndarray, bias: float) -> keras.Model:
    """Make a network whose second class has the probability expit(weights . image + bias)."""
    images = keras.Input(weights.shape)
    scores = keras.layers.Dense(2)(keras.layers.Flatten()(images))
    made = keras.Model(images, keras.layers.Softmax()(scores))
    kernel = np.stack([np.zeros(weights.size), weights.ravel()], axis=1)
    made.set_weights([kernel, np.array([0, bias])])
    return made


def drawn(scale: float) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=scale, size=(6, 5, 1))


def expected(weights: np.ndarray, bias: float, images: np.ndarray) -> np.ndarray:
    """Integrate by hand: the derivative is weights * expit', and only expit' changes."""
    scores = (weights * images).sum(axis=(1, 2, 3))
    share = (expit(scores + bias) - expit(bias)) / scores
    return (share[:, None, None, None] * weights * images).sum(axis=-1)


def test_linear_network_is_explained_as_by_hand() -> None:
    weights, images = drawn(1.0), np.random.default_rng(1).random((3, 6, 5, 1), np.float32)
    maps, distance = saliency.attribute(linear(weights, -0.5), images, np.ones(3, int))
    np.testing.assert_allclose(maps, expected(weights, -0.5, images), atol=1e-5)
    assert distance < 1e-5
    against, _ = saliency.attribute(linear(weights, -0.5), images, np.zeros(3, int))
    np.testing.assert_allclose(against, -maps, atol=1e-5)


def test_parts_of_a_real_network_add_up_to_what_the_image_changes() -> None:
    maps, distance = explain()
    model = network()
    black = probabilities_of(model, np.zeros_like(IMAGES), CLASSES)
    change = probabilities_of(model, IMAGES, CLASSES) - black
    distances = np.abs(maps.sum(axis=(1, 2)) - change)
    assert np.abs(change).max() > 0.1
    assert distances.max() < 0.01
    assert distance == pytest.approx(distances.max(), abs=1e-5)


def test_network_from_a_file_is_explained_alike(tmp_path: Path) -> None:
    keras_files.export(network(), tmp_path / "model.keras")
    read = keras_files.without_preprocessing(keras_files.read_model(tmp_path / "model.keras"))
    maps, distance = saliency.attribute(read, IMAGES, CLASSES)
    np.testing.assert_allclose(maps, explain()[0], atol=1e-6)
    assert distance < 0.01


def test_steep_network_gets_more_points(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    plain = saliency.input_gradients

    def counting(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return plain(model, images, classes)

    monkeypatch.setattr(saliency, "input_gradients", counting)
    weights = np.abs(drawn(30.0))
    image = np.ones((1, 6, 5, 1), np.float32)
    gentle, steep = linear(weights / 300, 0), linear(weights, -0.37 * weights.sum())
    assert saliency.attribute(gentle, image, np.ones(1, int))[1] < 0.01
    assert sum(asked) == 32
    asked.clear()
    assert saliency.attribute(steep, image, np.ones(1, int))[1] < 0.01
    assert 64 < sum(asked) <= 32 + 64 + 128 + 256 + 512


def test_hopeless_network_ends_and_says_how_far_it_is_from_complete() -> None:
    weights = np.full((6, 5, 1), 1e5)
    image = np.ones((1, 6, 5, 1), np.float32)
    _, distance = saliency.attribute(linear(weights, -0.37 * 3e6), image, np.ones(1, int))
    assert distance > 0.01


def test_black_pixels_have_no_part_and_channels_are_summed() -> None:
    images = IMAGES.copy()
    images[:, :4] = 0
    maps, _ = saliency.attribute(network(), images, CLASSES)
    assert maps.shape == (3, 10, 8)
    assert not maps[:, :4].any()
    assert maps[:, 4:].all()


def test_jax_explains_like_tensorflow() -> None:
    assert find_spec("jax"), "the developer tools hold it"
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    maps, _ = explain()
    assert found["backend"] == "jax"
    assert found["distance"] < 0.01
    np.testing.assert_allclose(found["maps"], maps, atol=1e-4)
