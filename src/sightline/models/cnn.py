"""A convolutional network: 3x3 convolutions, global average pooling and two dense layers."""

from typing import Any

import keras
from keras import layers

from sightline.config import CnnConfig
from sightline.models.borders import NO_BORDERS, Borders

_MOMENTUM = 0.9
"""Of the moving mean and variance; Keras' 0.99 adapts too slowly for a few hundred steps."""


def classifier(
    image_shape: tuple[int, int, int],
    num_classes: int,
    settings: CnnConfig,
    borders: Borders = NO_BORDERS,
) -> keras.Model:
    """Build the untrained classifier for an image shape (height, width, channels).

    Returns a functional model from float32 images of shape (batch, *image_shape) in [0, 1] to
    float32 class probabilities of shape (batch, num_classes).
    """
    images = keras.Input(image_shape, name="images")
    features = images
    if borders != NO_BORDERS:
        features = layers.Cropping2D(borders, name="crop_borders")(features)
    features = _convolve(features, settings)
    features = layers.GlobalAveragePooling2D(name="average_pooling")(features)
    features = layers.Dense(settings.dense_units, activation="relu", name="dense")(features)
    if settings.dropout:
        features = layers.Dropout(settings.dropout, name="dropout")(features)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(features)
    return keras.Model(images, probabilities, name="classifier")


def _convolve(features: Any, settings: CnnConfig) -> Any:
    for number, convolution in enumerate(settings.convolutions, start=1):
        features = layers.Conv2D(
            convolution.filters,
            3,
            strides=convolution.stride,
            padding="same",
            use_bias=not convolution.batch_normalization,
            name=f"convolution_{number}",
        )(features)
        if convolution.batch_normalization:
            name = f"normalization_{number}"
            features = layers.BatchNormalization(momentum=_MOMENTUM, name=name)(features)
        features = layers.ReLU(name=f"relu_{number}")(features)
    return features
