"""Which regions support the predicted class, by class activation maps.

Runs in the Keras process. B. Zhou et al., "Learning deep features for discriminative localization"
(2016): where global average pooling and one dense layer follow the last feature map f, the score
of a class is its bias plus the sum of w . f / n over the n positions of f. Only differences between
scores matter to the softmax, so w is taken relative to its mean over the classes.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from scipy.special import softmax

Floats = NDArray[np.float32]

_BATCH = 8  # Images at once: the first layers of a network hold far more than the last


class Activations(NamedTuple):
    """Class activation maps of m images."""

    maps: Floats  # (m, rows, columns), in nats: what a position adds to the score of the class
    # Largest difference between a class probability by the scores and by the network
    distance: float


def attribute(network: keras.Model, images: Floats, classes: NDArray[np.int64]) -> Activations:
    """Attribute the score of one class to the positions of the last feature map.

    Args:
        network: Maps float32 images in [0, 1] to class probabilities; `applies` to it.
        images: Shape (m, height, width, channels), m at least 1.
        classes: Shape (m,), one class for each image.
    """
    pooling, dense = _head(network)
    inner = keras.Model(network.inputs, [pooling.input, network.outputs[0]])
    parts = [
        inner.predict_on_batch(images[at : at + _BATCH]) for at in range(0, len(images), _BATCH)
    ]
    features, probabilities = (np.concatenate(found) for found in zip(*parts, strict=True))
    kernel, bias = (np.asarray(weight, np.float64) for weight in dense.get_weights())
    centered = kernel - kernel.mean(axis=1, keepdims=True)
    positions = features.shape[1] * features.shape[2]
    maps = np.einsum("mrcf,fm->mrc", features, centered[:, classes]) / positions
    scores = features.mean(axis=(1, 2)) @ kernel + bias
    distance = float(np.abs(softmax(scores, axis=1) - probabilities).max())
    return Activations(maps.astype(np.float32), distance)


def applies(network: keras.Model) -> bool:
    """Return whether a network ends in global average pooling, dropout at most, and one layer."""
    pooling, dense = _head(network)
    return (
        isinstance(pooling, layers.GlobalAveragePooling2D)
        and isinstance(dense, layers.Dense)
        and dense.use_bias
        and dense.activation is keras.activations.softmax
    )


def _head(network: keras.Model) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Return the last layer, and the one before it that is no dropout."""
    *earlier, dense = network.layers
    return next(one for one in reversed(earlier) if not isinstance(one, layers.Dropout)), dense
