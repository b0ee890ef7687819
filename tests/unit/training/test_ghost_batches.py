import keras
import numpy as np
import pytest

from sightline.config import CnnConfig, Convolution
from sightline.models import cnn
from sightline.training.ghost_batches import side_by_side

IMAGES = np.random.default_rng(0).random((7, 12, 12, 1), np.float32)
LABELS = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2]]


def network():
    keras.utils.set_random_seed(0)
    plain = CnnConfig(convolutions=(Convolution(filters=4),) * 2, dense_units=4)
    return cnn.classifier((12, 12, 1), 4, plain)


def weights_after_a_step(ghost_batches):
    trained = side_by_side(network(), ghost_batches)
    trained.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    parts = np.array_split(IMAGES, ghost_batches)
    trained.train_on_batch(parts if ghost_batches > 1 else IMAGES, LABELS)
    return trained.get_weights()


@pytest.mark.parametrize("ghost_batches", [2, 3])
def test_parts_give_and_learn_what_the_whole_batch_does(ghost_batches):
    whole = network()
    assert side_by_side(whole, 1) is whole
    split = side_by_side(whole, ghost_batches)
    found = split(np.array_split(IMAGES, ghost_batches), training=False)
    np.testing.assert_allclose(found, whole.predict(IMAGES, verbose=0), atol=1e-6)
    assert split.count_params() == whole.count_params()
    learned = weights_after_a_step(ghost_batches)
    for one, other in zip(weights_after_a_step(1), learned, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
