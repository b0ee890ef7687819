import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import keras
import numpy as np

from sightline.config import Augmentation, Convolution, ModelConfig, TrainingConfig
from sightline.models import build, cnn
from sightline.training import train
from sightline.training.seeding import draw_by_seed

LAYERS = ModelConfig(
    convolutions=(Convolution(filters=4, batch_normalization=True), Convolution(filters=4)),
    dense_units=4,
    dropout=0.5,
)


def begun(seed: int) -> keras.Model:
    network = cnn.classifier((12, 12, 1), 4, LAYERS)
    draw_by_seed(network, random.Random(seed))  # noqa: S311 - no secret
    return network


def test_weights_and_dropout_are_those_of_the_seed():
    first, again, other = begun(3), begun(3), begun(4)
    kernels = [variable.path.endswith("kernel") for variable in first.weights]
    assert sum(kernels) == 4
    for drawn, one, same, another in zip(
        kernels, first.weights, again.weights, other.weights, strict=True
    ):
        np.testing.assert_array_equal(one, same)
        assert np.array_equal(one, another) is not drawn
    images = keras.ops.ones((8, 12, 12, 1))
    np.testing.assert_array_equal(first(images, training=True), again(images, training=True))


def test_weights_are_those_that_keras_draws_from_the_same_seed():
    keras.utils.set_random_seed(3)
    theirs = cnn.classifier((12, 12, 1), 4, LAYERS)
    for one, other in zip(begun(3).weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_draws_of_another_thread_change_nothing(run, prepared):
    changes = Augmentation(rotation=0.1)
    settings = TrainingConfig(epochs=1, batch_size=32, augmentation=changes)
    blueprint = build.build(run, prepared, LAYERS)
    quiet = train.train(run, prepared, blueprint, settings)
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    with drawing_all_the_time():
        disturbed = train.train(fresh, prepared, blueprint, settings)
    assert disturbed.weights_sha256 == quiet.weights_sha256
    assert disturbed.seeds_sha256 == quiet.seeds_sha256


@contextmanager
def drawing_all_the_time() -> Iterator[None]:
    """Draw from Python's global generator in another thread, as libraries' retries do."""
    done = Event()

    def draw() -> None:
        while not done.wait(0.0001):
            random.random()  # noqa: S311 - no secret

    with ThreadPoolExecutor(1) as pool:
        pool.submit(draw)
        try:
            yield
        finally:
            done.set()
