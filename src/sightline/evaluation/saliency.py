"""Which pixels support the predicted class, by integrated gradients; see also `class_activation`.

Runs in the Keras process. M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep
networks" (2017): the attribution of a pixel to the probability p of a class is its value times the
mean derivative of p with respect to it along the straight path from black to the image. The
attributions add up to p(image) - p(black); the distance from that sum measures the error of the
integral. A black pixel always has the attribution 0.
"""

import logging
import math
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.data.scaling import to_float
from sightline.evaluation import class_activation
from sightline.evaluation.model_under_test import Context
from sightline.evaluation.predictions import PREDICTIONS, most_confident_mistakes
from sightline.pipeline.progress import Progress, emit
from sightline.records import Saliency
from sightline.storage.npy import ArrayWriter

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]
Method = Literal["integrated gradients", "class activation"]

_MAPS = "saliency.npy"

# Distances from completeness, as a probability: points are added beyond the first, and maps that
# reach the second are left out
_TOLERANCE, _USELESS = 0.01, 0.1
_MIN_POINTS, _MAX_POINTS, _USUAL_POINTS = 32, 512, 256
"""Points on the path from black; doubled until the tolerance is met."""

_MOST_PIXELS = 2 << 20
"""Pixels differentiated for one image: all points at 64x64, the fewest at 224x224, where more
would take minutes."""

_LARGE = _MOST_PIXELS // _MAX_POINTS
"""Larger images, in pixels, are explained by class activation where the network allows it: with
the points that their size leaves, the gradients of a deep network do not add up."""

_log = logging.getLogger(__name__)

_BATCH_BYTES = 512 << 10
"""Size of the float32 images differentiated at once; all activations are held as well. A batch
never exceeds the fewest points, since some backends compile again for each batch size."""


def measure(context: Context) -> Saliency | None:
    """Explain the most confident mistakes; None if that is off, impossible or there is none."""
    tested, draft = context.tested, context.draft
    class_names, limit = tested.files.class_names, tested.limits.saliency
    found, _ = most_confident_mistakes(draft.path(PREDICTIONS), class_names, limit)
    if not found:
        return None
    indexes = [mistake.index for mistake in found]
    predicted = np.array([class_names.index(mistake.predicted) for mistake in found])
    images = to_float(tested.images[indexes])
    method, maps, completeness = _explain(tested.network, images, predicted)
    if completeness >= _USELESS:
        _log.warning(
            "The saliency maps are left out: they do not add up to the probability of the class, "
            "by up to %.2g",
            completeness,
        )
        return None
    with ArrayWriter(draft.path(_MAPS), maps.shape, "float32") as writer:
        writer.append(maps)
    return Saliency(
        method=method,
        indexes=tuple(indexes),
        maps=draft.array_record(writer),
        completeness=completeness,
    )


def _explain(
    network: keras.Model, images: Floats, classes: Classes
) -> tuple[Method, Floats, float]:
    """Return the method for images of this size, the maps and their error, as a probability."""
    if images[0, ..., 0].size > _LARGE and class_activation.applies(network):
        return "class activation", *class_activation.attribute(network, images, classes)
    return "integrated gradients", *attribute(network, images, classes)


def multiplications_of_a_map(network: keras.Model, prediction: int) -> int:
    """Estimate the cost of a map; `prediction` is that of the prediction of an image."""
    pixels: int = math.prod(network.input_shape[1:3])
    if pixels > _LARGE and class_activation.applies(network):
        return prediction
    points = max(_MIN_POINTS, min(_USUAL_POINTS, _MOST_PIXELS // pixels))
    return 3 * points * prediction


def attribute(network: keras.Model, images: Floats, classes: Classes) -> tuple[Floats, float]:
    """Attribute the probability of one class to the pixels of each image.

    Args:
        network: Maps float32 images in [0, 1] to class probabilities, in float32.
        images: Shape (m, height, width, channels), m at least 1.
        classes: Shape (m,), one class for each image.

    Returns:
        float32 maps of shape (m, height, width), summed over the channels, in units of
        probability; and the largest distance between the sum of a map and
        p(image) - p(black).
    """
    maps = np.empty(images.shape[:3], dtype=np.float32)
    distances = []
    for row, image in enumerate(images):
        chosen = classes[row : row + 1]
        maps[row], distance = _attribute(network, image, chosen)
        distances.append(distance)
        total = len(images)
        emit(Progress(stage="evaluate", done=row + 1, total=total, unit="explained mistakes"))
    return maps, max(distances)


def probabilities_of(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    """Predict the probability of one class for each image; arguments as for `attribute`."""
    return np.asarray(keras.ops.convert_to_numpy(_chosen(network, images, classes)))


def input_gradients(network: keras.Model, images: Floats, classes: Classes) -> Floats:
    """Differentiate the probability of one class for each image with respect to its pixels.

    Keras has no API for gradients, so each backend computes them its own way. The probabilities
    of an image depend on no other image, so the gradient of their sum is the gradient of each.
    """
    return np.asarray(_GRADIENTS[keras.backend.backend()](network, images, classes))


def _batch_size(image: Floats) -> int:
    return min(max(1, _BATCH_BYTES // image.nbytes), _MIN_POINTS)


def _attribute(network: keras.Model, image: Floats, chosen: Classes) -> tuple[Floats, float]:
    """Add points until the map of one image is complete."""
    ends = np.stack([np.zeros_like(image), image])
    black, reached = probabilities_of(network, ends, np.repeat(chosen, 2)).astype(np.float64)
    points = _MIN_POINTS
    most = min(_MAX_POINTS, _MOST_PIXELS // (image.shape[0] * image.shape[1]))
    while True:
        attributions = _integrate(network, image, chosen, points)
        distance = abs(float(attributions.sum(dtype=np.float64)) - (reached - black))
        if distance <= _TOLERANCE or 2 * points > most:
            return attributions.sum(axis=-1), float(distance)
        points *= 2


def _integrate(network: keras.Model, image: Floats, chosen: Classes, points: int) -> Floats:
    """Integrate the gradient by Gauss-Legendre quadrature, in batches; the image's shape."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    scales, shares = ((nodes + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
    mean = np.zeros_like(image)
    step = _batch_size(image)
    for start in range(0, points, step):
        part = scales[start : start + step]
        scaled = part[:, np.newaxis, np.newaxis, np.newaxis] * image
        gradients = input_gradients(network, scaled, np.repeat(chosen, len(part)))
        mean += np.tensordot(shares[start : start + step], gradients, axes=1)
    return image * mean


def _chosen(network: keras.Model, images: Any, classes: Classes) -> Any:
    """Return the probability of each image's class, a tensor of shape (m,)."""
    # A network that was read from a file expects a list with its single input.
    inputs = keras.tree.map_structure(lambda _: images, network.input)
    probabilities = network(inputs, training=False)
    chosen = keras.ops.take_along_axis(probabilities, classes[:, np.newaxis], axis=1)
    return keras.ops.squeeze(chosen, axis=1)


def _tensorflow_gradients(network: keras.Model, images: Floats, classes: Classes) -> Any:
    import tensorflow as tf

    pixels = tf.convert_to_tensor(images)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(pixels)
        chosen = _chosen(network, pixels, classes)
    return tape.gradient(chosen, pixels)


def _jax_gradients(network: keras.Model, images: Floats, classes: Classes) -> Any:
    import jax

    return jax.grad(lambda pixels: _chosen(network, pixels, classes).sum())(images)


def _torch_gradients(network: keras.Model, images: Floats, classes: Classes) -> Any:
    import torch

    pixels = keras.ops.convert_to_tensor(images).detach().requires_grad_()
    (gradients,) = torch.autograd.grad(_chosen(network, pixels, classes).sum(), pixels)
    return keras.ops.convert_to_numpy(gradients)


_GRADIENTS = {
    "tensorflow": _tensorflow_gradients,
    "jax": _jax_gradients,
    "torch": _torch_gradients,
}
