import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event

import keras
import numpy as np
import pytest

from sightline.config import (
    Augmentation,
    BackboneConfig,
    CnnConfig,
    Convolution,
    TrainingConfig,
)
from sightline.models import build, cnn
from sightline.models.seeding import draw_by_seed
from sightline.training import train
from stored_photos import store

LAYERS = CnnConfig(
    convolutions=(Convolution(filters=4, batch_normalization=True), Convolution(filters=4)),
    dense_units=4,
    dropout=0.5,
)


def begun(seed):
    network = cnn.classifier((12, 12, 1), 4, LAYERS)
    draw_by_seed(network.layers, random.Random(seed))  # noqa: S311 - no secret
    return network


@contextmanager
def drawing_beside():
    """Draw from Python's global generator in another thread, as libraries' retries do."""
    done = Event()

    def draw():
        while not done.wait(0.0001):
            random.random()  # noqa: S311 - no secret

    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stack.callback(done.set)
        pool.submit(draw)
        yield


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


@pytest.mark.slow
def test_another_seed_changes_the_training_and_draws_of_another_thread_do_not(run, prepared):
    changes = Augmentation(rotation=0.1)
    settings = TrainingConfig(epochs=1, batch_size=32, augmentation=changes)
    blueprint = build.build(run, prepared, LAYERS)
    quiet = train.train(run, prepared, blueprint, settings)
    other = train.train(run, prepared, blueprint, settings.model_copy(update={"seed": 1}))
    assert other.weights_sha256 != quiet.weights_sha256
    assert other.seeds_sha256 != quiet.seeds_sha256
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    with drawing_beside():
        disturbed = train.train(fresh, prepared, blueprint, settings)
    assert disturbed.weights_sha256 == quiet.weights_sha256
    assert disturbed.seeds_sha256 == quiet.seeds_sha256


def test_draws_of_another_thread_do_not_change_the_pretrained_model(run):
    photos = np.zeros((4, 32, 32, 3), np.uint8)
    run.workspace.root.mkdir(exist_ok=True)
    arrays = store(run, "arrays", train=photos, test=photos)
    quiet = build.build(run, arrays, BackboneConfig())
    assert quiet.pretrained is not None
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    with drawing_beside():
        assert build.build(fresh, arrays, BackboneConfig()) == quiet
