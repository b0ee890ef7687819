from typing import get_args

import keras
import numpy as np
import pytest

from sightline.config import TrainingConfig
from sightline.config.training import Optimizer
from sightline.training import state
from sightline.training.optimizer import build_optimizer

# For linear models, forgets the initial weights; evaluates other weights than it should; wrappers
UNFIT = {"ftrl", "schedulefreeadamw", "lossscaleoptimizer", "multioptimizer", "optimizer"}
EVERY = pytest.mark.parametrize("optimizer", get_args(Optimizer))
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((8, 6), np.float32), np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 2]


def settings(**changes):
    return TrainingConfig.model_validate({"epochs": 1, "learning_rate": 0.02, **changes})


def compiled(**changes):
    """A model with a hidden and a last layer that is ready to train."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(5),
        keras.layers.Dense(4, "softmax", name="last"),
    ]
    model = keras.Sequential(layers)
    optimizer = build_optimizer(settings(**changes), 24, "last")
    model.compile(optimizer, "categorical_crossentropy", run_eagerly=True)
    state.prepare(model)
    return model


def train(model, steps):
    for _ in range(steps):
        model.train_on_batch(IMAGES, LABELS)


def test_every_optimizer_of_keras_that_fits_can_be_chosen():
    found = {
        name.lower()
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type) and issubclass(kind, keras.Optimizer)
    }
    assert set(get_args(Optimizer)) == found - UNFIT


@pytest.mark.parametrize(
    "precision", ["float32", pytest.param("float16", marks=pytest.mark.campaign)]
)
@EVERY
def test_restored_training_continues_with_the_same_bits(optimizer, precision):
    more = {"weight_decay": 0.1, "clip_norm": 0.5, "ema": 0.9, "schedule": "cosine"}
    changes = {"optimizer": optimizer, "precision": precision, **more}
    model = compiled(**changes)
    train(model, 3)
    kept = state.capture(model)
    train(model, 2)
    resumed = compiled(**changes)
    assert state.digest(resumed, "weights") != state.digest(model, "weights")
    state.restore(resumed, kept)
    train(resumed, 2)
    np.testing.assert_equal(state.capture(resumed), state.capture(model))


@EVERY
def test_weight_decay_shrinks_kernels_alone_and_only_if_wanted(optimizer):
    for decay, factor in ((0.0, 1), (0.5, 0.99)):
        model = compiled(optimizer=optimizer, weight_decay=decay)
        model.layers[0].bias.assign(np.ones(5))
        before = [weight.numpy() for weight in model.weights]
        model.optimizer.apply([np.zeros_like(weight) for weight in before], model.weights)
        expected = [weight * (factor if weight.ndim == 2 else 1) for weight in before]
        for weight, value in zip(model.weights, expected, strict=True):
            np.testing.assert_allclose(weight.numpy(), value, rtol=1e-6)


def test_gradient_of_all_weights_together_is_clipped():
    model = compiled(optimizer="sgd", clip_norm=0.25, learning_rate=1.0)
    before = [weight.numpy() for weight in model.weights]
    model.optimizer.apply([np.full_like(weight, 3) for weight in before], model.weights)
    steps = [old - weight.numpy() for old, weight in zip(before, model.weights, strict=True)]
    assert np.linalg.norm(np.concatenate([step.ravel() for step in steps])) == pytest.approx(0.25)


def test_momentum_is_nesterovs():
    model = compiled(optimizer="sgd", momentum=0.9)
    before = model.layers[0].bias.numpy()
    model.optimizer.apply(
        [np.ones(weight.shape, np.float32) for weight in model.weights], model.weights
    )
    np.testing.assert_allclose(before - model.layers[0].bias.numpy(), 0.02 * 1.9, rtol=1e-6)


def test_momentum_of_muon_is_keras_unless_set():
    for changes, expected in (({}, 0.95), ({"momentum": 0.0}, 0.0), ({"momentum": 0.6}, 0.6)):
        optimizer = build_optimizer(settings(optimizer="muon", **changes), 24, "last")
        assert optimizer.momentum == expected


def test_muon_leaves_the_last_layer_to_adam():
    optimizer = compiled(optimizer="muon").optimizer
    assert [velocity is None for velocity in optimizer.adam_velocities] == [True] + [False] * 3


def test_muon_makes_the_updates_of_convolutions_orthogonal():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3), keras.layers.DepthwiseConv2D(3)]
    )
    optimizer = build_optimizer(settings(optimizer="muon"), 24, "last")
    optimizer.build(model.trainable_variables)
    assert [velocity is None for velocity in optimizer.adam_velocities] == [True, *[False] * 3]
    before = [weight.numpy() for weight in model.trainable_variables]
    gradients = [RNG.normal(size=weight.shape).astype(np.float32) for weight in before]
    optimizer.apply(gradients, model.trainable_variables)
    change = (before[0] - model.trainable_variables[0].numpy()).reshape(27, 6) / 0.02
    scale = np.linalg.svd(change)[1] / (0.2 * 27**0.5)  # as large as an element of Adam's update
    np.testing.assert_allclose(scale, 1, atol=0.35)  # five iterations come that close
