"""Explain a small network on whatever backend Keras has here; print the maps as JSON.

Weights are drawn by NumPy, since each backend has a random number generator of its own.
"""

import json
import sys

import keras
import numpy as np

from sightline.config import Convolution, ModelConfig
from sightline.evaluation import saliency
from sightline.models import build

SETTINGS = ModelConfig(
    convolutions=(
        Convolution(filters=6, batch_normalization=True),
        Convolution(filters=8, stride=2),
    ),
    dense_units=8,
    dropout=0.5,
)
IMAGES = np.random.default_rng(1).random((3, 10, 8, 3), np.float32)
CLASSES = np.array([2, 0, 1])


def network() -> keras.Model:
    """Make a network whose probabilities move far between black and an image."""
    made = build.classifier((10, 8, 3), 3, SETTINGS)
    rng = np.random.default_rng(0)
    for weight in made.weights:
        if weight.name == "kernel":
            size = np.prod(weight.shape[:-1])
            weight.assign(rng.normal(scale=2 / np.sqrt(size), size=weight.shape))
        elif weight.name == "bias":
            weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return made


def explain() -> tuple[np.ndarray, float]:
    """Explain each image; return the maps and how far they are from complete."""
    return saliency.attribute(network(), IMAGES, CLASSES)


if __name__ == "__main__":
    maps, distance = explain()
    found = {"backend": keras.backend.backend(), "maps": maps.tolist(), "distance": distance}
    sys.stdout.write(json.dumps(found))
