"""How the probability of a class changes with each pixel, on whichever backend Keras has.

Runs inside the Keras process. Keras has no gradients of its own: each backend takes them its way.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]


def probabilities_of(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    """Predict the probability of one class an image.

    Args:
        network: Takes float32 images in [0, 1]; gives class probabilities.
        images: float32 array of shape (m, height, width, channels).
        classes: int64 array of shape (m,), the class asked for of each image.

    Returns:
        float32 array of shape (m,), values in [0, 1].
    """
    return np.asarray(keras.ops.convert_to_numpy(_chosen(network, images, classes)))


def input_gradients(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    """Differentiate the probability of one class an image with respect to its pixels.

    Args:
        network: Takes float32 images in [0, 1]; gives class probabilities.
        images: float32 array of shape (m, height, width, channels).
        classes: int64 array of shape (m,), the class asked for of each image.

    Returns:
        float32 array of the images' shape: change of the probability per unit of the pixel.
    """
    match keras.backend.backend():
        case "tensorflow":
            return _by_tensorflow(network, images, classes)
        case "jax":
            return _by_jax(network, images, classes)
        case _:
            return _by_torch(network, images, classes)


def _chosen(network: keras.Model, images: Any, classes: Classes) -> Any:
    """Return a tensor of shape (m,): what the network gives each image's class."""
    # A network that was read from a file takes a list of its single input.
    inputs = keras.tree.map_structure(lambda _: images, network.input)
    probabilities = network(inputs, training=False)
    chosen = keras.ops.take_along_axis(probabilities, classes[:, np.newaxis], axis=1)
    return keras.ops.squeeze(chosen, axis=1)


# No image's probability depends on another image, so the gradient of their sum is that of each.


def _by_tensorflow(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    import tensorflow as tf

    pixels = tf.convert_to_tensor(images)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(pixels)
        chosen = _chosen(network, pixels, classes)
    return np.asarray(tape.gradient(chosen, pixels))


def _by_jax(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    import jax

    def total(pixels: jax.Array) -> Any:
        return _chosen(network, pixels, classes).sum()

    return np.asarray(jax.grad(total)(images))


def _by_torch(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    import torch

    pixels = keras.ops.convert_to_tensor(images).detach().requires_grad_()
    chosen = _chosen(network, pixels, classes)
    (gradients,) = torch.autograd.grad(chosen.sum(), pixels)
    return np.asarray(keras.ops.convert_to_numpy(gradients))
