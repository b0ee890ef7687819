"""A network for small images that learns in few epochs: blocks with max pooling, as in VGG.

After Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (2024): a fixed convolution that
whitens the images, then blocks of two convolutions. Runs in the Keras process.
"""

from typing import Any

import keras
from keras import initializers, layers

from sightline.config import VggConfig
from sightline.models.whitening import SIDE, Floats

_MOMENTUM = 0.6
"""Of the moving mean and variance; large steps change them quickly."""


def classifier(
    image_shape: tuple[int, int, int],
    num_classes: int,
    settings: VggConfig,
    whitening: tuple[Floats, Floats],
) -> keras.Model:
    """Build the untrained classifier for an image shape (height, width, channels).

    `whitening` holds the kernels and biases of the first layer, which is not trained. Returns a
    functional model from float32 images of shape (batch, *image_shape) in [0, 1] to float32 class
    probabilities of shape (batch, num_classes).
    """
    images = keras.Input(image_shape, name="images")
    x = _whiten(images, *whitening)
    for block, filters in enumerate(settings.widths, start=1):
        x = _convolve(x, filters, f"block_{block}_1", pooled=True)
        x = _convolve(x, filters, f"block_{block}_2")
    x = layers.GlobalMaxPooling2D(name="max_pooling")(x)
    if settings.dropout:
        x = layers.Dropout(settings.dropout, name="dropout")(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="classifier")


def _whiten(images: Any, kernels: Floats, biases: Floats) -> Any:
    x = layers.Conv2D(
        len(biases),
        SIDE,
        kernel_initializer=initializers.Constant(kernels.tolist()),
        bias_initializer=initializers.Constant(biases.tolist()),
        trainable=False,
        name="whitening",
    )(images)
    return layers.ReLU(name="whitening_relu")(x)


def _convolve(x: Any, filters: int, name: str, *, pooled: bool = False) -> Any:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}_convolution")(x)
    if pooled:
        x = layers.MaxPooling2D(name=f"{name}_pooling")(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, scale=False, name=f"{name}_normalization")(x)
    return layers.ReLU(name=name)(x)
