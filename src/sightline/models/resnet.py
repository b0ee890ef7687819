"""A network for small images, whose depth, strides and width follow the image size.

Its blocks are the basic ones of He et al., "Deep residual learning for image recognition" (2016),
with or without their shortcuts. Runs in the Keras process.
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
    x = _convolve(images, settings.width, 3, "stem", stride=2 if early else 1)
    x = layers.ReLU(name="stem_relu")(x)
    for stage in range(1, halvings(image_shape) - early + 1):
        filters = settings.width * 2 ** min(stage, _MOST_DOUBLINGS)
        for block in range(1, settings.blocks + 1):
            name = f"stage_{stage}_block_{block}"
            x = _block(x, filters, name, 2 if block == 1 else 1, settings.shortcuts)
    x = layers.GlobalAveragePooling2D(name="average_pooling")(x)
    x = layers.Dropout(settings.dropout, name="dropout")(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="classifier")


def _block(incoming: Any, filters: int, name: str, stride: int, shortcut: bool) -> Any:
    """Convolve twice; add the input, brought to the same shape by a 1x1 convolution if needed."""
    x = _convolve(incoming, filters, 3, f"{name}_1", stride)
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _convolve(x, filters, 3, f"{name}_2")
    if shortcut:
        if incoming.shape != x.shape:
            incoming = _convolve(incoming, filters, 1, f"{name}_shortcut", stride)
        x = layers.Add(name=f"{name}_add")([incoming, x])
    return layers.ReLU(name=name)(x)


def _convolve(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        name=f"{name}_convolution",
    )(x)
    return layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_normalization")(x)
