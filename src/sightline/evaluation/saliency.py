"""Which pixels speak for a class, by integrated gradients.

Runs inside the Keras process. Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep
Networks" (2017): a pixel's part in the probability p of a class is its value times the mean of
p's derivative by it on the straight way from black to the image. The parts of all pixels add up
to p(image) - p(black); how far they are from that tells how well the integral was taken. A
pixel that is black has no part, whatever would happen if it were not.
"""

import keras
import numpy as np

from sightline.evaluation.gradients import Classes, Floats, input_gradients, probabilities_of
from sightline.pipeline.progress import Progress, emit

_TOLERANCE = 0.01
"""Distance from completeness, as a probability, beyond which more points are taken."""

_FEWEST_POINTS, _MOST_POINTS = 32, 512
"""On the way from black; doubled until the tolerance is met."""

_BATCH_BYTES = 512 << 10
"""Images differentiated at once, as float32; what all layers gave them is held, too. Never more
than the fewest points: some backends prepare anew for each size of a batch."""


def attribute(network: keras.Model, images: Floats, classes: Classes) -> tuple[Floats, float]:
    """Find the part of each pixel in the probability of one class an image.

    Args:
        network: Takes float32 images in [0, 1]; gives class probabilities. Computes in float32,
            as every exported network does, whatever it was trained in.
        images: float32 array of shape (m, height, width, channels), values in [0, 1], m at
            least 1.
        classes: int64 array of shape (m,), the class asked for of each image.

    Returns:
        float32 array of shape (m, height, width), summed over the channels, in units of
        probability; and the largest distance between the sum of a map and
        p(image) - p(black).
    """
    maps = np.empty(images.shape[:3], dtype=np.float32)
    distances = []
    for number, image in enumerate(images):
        chosen = classes[number : number + 1]
        maps[number], distance = _attribute(network, image, chosen)
        distances.append(distance)
        done = number + 1
        emit(Progress(stage="evaluate", done=done, total=len(images), unit="explained mistakes"))
    return maps, max(distances)


def _attribute(network: keras.Model, image: Floats, chosen: Classes) -> tuple[Floats, float]:
    """Take more points until the map of one image adds up."""
    ends = np.stack([np.zeros_like(image), image])
    black, reached = probabilities_of(network, ends, np.repeat(chosen, 2)).astype(np.float64)
    points = _FEWEST_POINTS
    while True:
        parts = _integrate(network, image, chosen, points)
        distance = abs(float(parts.sum(dtype=np.float64)) - (reached - black))
        if distance <= _TOLERANCE or points >= _MOST_POINTS:
            return parts.sum(axis=-1), float(distance)
        points *= 2


def _integrate(network: keras.Model, image: Floats, chosen: Classes, points: int) -> Floats:
    """Integrate the gradient by Gauss-Legendre quadrature, in batches; the image's shape."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    places, shares = ((nodes + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
    mean = np.zeros_like(image)
    step = min(max(1, _BATCH_BYTES // image.nbytes), _FEWEST_POINTS)
    for start in range(0, points, step):
        part = places[start : start + step]
        scaled = part[:, np.newaxis, np.newaxis, np.newaxis] * image
        gradients = input_gradients(network, scaled, np.repeat(chosen, len(part)))
        mean += np.tensordot(shares[start : start + step], gradients, axes=1)
    return image * mean
