"""A small network, and a program that prints its gradients on the backend that Keras has here."""

import json
import sys

import keras
import numpy as np

from sightline.config import CnnConfig, Convolution
from sightline.evaluation import saliency
from sightline.models import cnn

SETTINGS = CnnConfig(
    convolutions=(Convolution(filters=6, stride=2, batch_normalization=True),),
    dense_units=8,
    dropout=0.5,
)
IMAGES = np.random.default_rng(1).random((3, 10, 8, 3), np.float32)
CLASSES = np.array([2, 0, 1])


def network() -> keras.Model:
    """Build a network with the same weights on every backend, steep between black and an image."""
    model = cnn.classifier((10, 8, 3), 3, SETTINGS)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "kernel":
            size = np.prod(weight.shape[:-1])
            weight.assign(rng.normal(scale=2 / np.sqrt(size), size=weight.shape))
        elif weight.name == "bias":
            weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


if __name__ == "__main__":
    gradients = saliency.input_gradients(network(), IMAGES, CLASSES)
    json.dump([keras.backend.backend(), gradients.tolist()], sys.stdout)
