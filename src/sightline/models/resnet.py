"""A residual network for small images, whose depth, strides and width follow the image size.

He et al., "Deep residual learning for image recognition" (2016), basic blocks. Runs in the Keras
process.
"""

import math
from typing import Any

import keras
from keras import layers

from sightline.config import ResnetConfig

_MOMENTUM = 0.9
"""Of the moving mean and variance; Keras' 0.99 adapts too slowly for a few hundred steps."""

_LAST_SIDE = 4  # Pixels of the last feature map, at least
_LARGE_SIDE = 48  # Images from this side on are halved by the first convolution already
_MOST_DOUBLINGS = 3  # Of the filters


def halvings(image_shape: tuple[int, int, int]) -> int:
    """Return how often images of a shape (height, width, channels) are halved, at least once.

    The shorter side keeps at least four pixels: 2 for 28x28, 3 for 32x32, 4 for 64x64 pixels.
    """
    return max(1, int(math.log2(min(image_shape[:2]) / _LAST_SIDE)))


def classifier(
    image_shape: tuple[int, int, int], num_classes: int, settings: ResnetConfig
) -> keras.Model:
    """Build the untrained classifier for an image shape (height, width, channels).

    Returns a functional model from float32 images of shape (batch, *image_shape) in [0, 1] to
    float32 class probabilities of shape (batch, num_classes).
    """
    images = keras.Input(image_shape, name="images")
    early = min(image_shape[:2]) >= _LARGE_SIDE
    x = _convolve(images, settings.width, "stem", stride=2 if early else 1)
    for stage in range(1, halvings(image_shape) - early + 1):
        filters = settings.width * 2 ** min(stage, _MOST_DOUBLINGS)
        x = _convolve(x, filters, f"stage_{stage}", stride=2)
        for block in range(1, settings.blocks + 1):
            x = _residual(x, f"stage_{stage}_block_{block}")
    x = layers.GlobalAveragePooling2D(name="average_pooling")(x)
    x = layers.Dropout(settings.dropout, name="dropout")(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="classifier")


def _residual(incoming: Any, name: str) -> Any:
    x = _convolve(incoming, incoming.shape[-1], f"{name}_1")
    x = _normalize(x, incoming.shape[-1], f"{name}_2")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([incoming, x]))


def _convolve(x: Any, filters: int, name: str, stride: int = 1) -> Any:
    return layers.ReLU(name=f"{name}_relu")(_normalize(x, filters, name, stride))


def _normalize(x: Any, filters: int, name: str, stride: int = 1) -> Any:
    x = layers.Conv2D(
        filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_convolution"
    )(x)
    return layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_normalization")(x)
