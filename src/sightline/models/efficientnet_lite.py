"""EfficientNet-Lite0: a network for photographs on small devices, with weights from ImageNet.

Liu, "Higher accuracy on vision models with EfficientNet-Lite" (TensorFlow blog, 2020): the
EfficientNet-B0 of Tan and Le (2019) without squeeze-and-excitation and with ReLU6. Runs in the
Keras process.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

_EPSILON = 1e-3  # Of the batch normalization
_STEM, _HEAD = 32, 1280  # Filters


class _Group(NamedTuple):
    """A group of inverted residual blocks; the stride is that of its first block."""

    repeats: int
    kernel: int
    stride: int
    expansion: int  # Ratio of the inner filters to the incoming ones
    filters: int


_GROUPS = (
    _Group(1, 3, 1, 1, 16),
    _Group(2, 3, 2, 6, 24),
    _Group(2, 5, 2, 6, 40),
    _Group(3, 3, 2, 6, 80),
    _Group(3, 5, 1, 6, 112),
    _Group(4, 5, 2, 6, 192),
    _Group(1, 3, 1, 6, 320),
)


def features(images: Any) -> Any:
    """Return the features of float32 images (batch, height, width, 3) in [0, 1].

    The result has the shape (batch, height / 32, width / 32, 1280). The last layers of the seven
    groups of blocks are named group_1 to group_7.
    """
    x = layers.Rescaling(255 / 128, offset=-127 / 128, name="backbone_scale")(images)
    x = _convolve(x, _STEM, 3, "stem", stride=2)
    for number, group in enumerate(_GROUPS, start=1):
        for block in range(1, group.repeats + 1):
            output = f"group_{number}" if block == group.repeats else f"group_{number}_{block}"
            x = _block(x, group, group.stride if block == 1 else 1, output)
    return _convolve(x, _HEAD, 1, "head")


def assign(model: keras.Model, weights: dict[str, NDArray[Any]]) -> None:
    """Set the weights of a model of these features from those of the PyTorch model, by name.

    Both list the layers in the same order. Raises ValueError if one has other layers or shapes.
    """
    by_module: dict[str, list[NDArray[Any]]] = {}
    for name, array in weights.items():
        module, _, kind = name.rpartition(".")
        if module != "_fc" and kind != "num_batches_tracked":
            by_module.setdefault(module, []).append(array)
    for layer, arrays in zip(_with_weights(model), by_module.values(), strict=True):
        layer.set_weights([_transposed(array, layer) for array in arrays])


def _with_weights(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights]


def _transposed(array: NDArray[Any], layer: keras.layers.Layer) -> NDArray[Any]:
    """Bring a kernel (out, in, height, width) to the order of a Keras layer."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return np.transpose(array, (2, 3, 0, 1))
    return np.transpose(array, (2, 3, 1, 0)) if isinstance(layer, layers.Conv2D) else array


def _block(incoming: Any, group: _Group, stride: int, name: str) -> Any:
    """Expand, convolve each channel by itself, project; add the input if the shapes agree."""
    x = incoming
    if group.expansion != 1:
        x = _convolve(x, group.expansion * x.shape[-1], 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        group.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _normalize(x, f"{name}_depthwise")
    x = layers.Conv2D(group.filters, 1, use_bias=False, name=f"{name}_project")(x)
    if stride != 1 or incoming.shape[-1] != group.filters:
        return layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_project_normalization")(x)
    return layers.Add(name=name)([incoming, x])


def _convolve(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    x = layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_convolution"
    )(x)
    return _normalize(x, name)


def _normalize(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_normalization")(x)
    return layers.ReLU(max_value=6.0, name=f"{name}_relu")(x)
