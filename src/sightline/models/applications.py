"""The pretrained networks of keras.applications, by the names that the config gives them.

Runs in the Keras process.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
from keras import layers

from sightline.errors import ConfigError, DownloadError
from sightline.storage.text import printable

_STORE = "https://storage.googleapis.com/tensorflow/keras-applications"
_MEAN, _VARIANCE = (0.485, 0.456, 0.406), (0.229**2, 0.224**2, 0.225**2)  # Of ImageNet's pixels


class Family(NamedTuple):
    """Networks of keras.applications that differ in size; "{}" stands for the size."""

    function: str  # Its name in keras.applications
    # What it expects: pixels in [0, 255], in [-1, 1], or standardized by ImageNet's statistics
    pixels: Literal["bytes", "signed", "standardized"]
    file: str  # Weights without the top, below the address where Keras has them


class Application(NamedTuple):
    """A network of keras.applications."""

    function: str
    pixels: Literal["bytes", "signed", "standardized"]
    file: str
    digest: str  # MD5 or SHA-256 of that file, as in Keras' source


_MOBILENET = Family(
    "MobileNetV3{}", "bytes", "mobilenet_v3/weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"
)
_EFFICIENTNET = Family("EfficientNetV2{}", "bytes", "efficientnet_v2/efficientnetv2-{}_notop.h5")
_CONVNEXT = Family("ConvNeXt{}", "bytes", "convnext/convnext_{}_notop.h5")
_RESNET = Family(
    "ResNet{}V2", "signed", "resnet/resnet{}v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
_DENSENET = Family(
    "DenseNet{}", "standardized", "densenet/densenet{}_weights_tf_dim_ordering_tf_kernels_notop.h5"
)


def _sized(family: Family, size: str, digest: str) -> Application:
    function, file = family.function.format(size.capitalize()), family.file.format(size)
    return Application(function, family.pixels, file, digest)


APPLICATIONS = {
    "mobilenetv3-small": _sized(_MOBILENET, "small", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "mobilenetv3-large": _sized(_MOBILENET, "large", "07fb09a5933dd0c8eaafa16978110389"),
    "efficientnetv2-b0": _sized(_EFFICIENTNET, "b0", "893217f2bb855e2983157299931e43ff"),
    "efficientnetv2-b1": _sized(_EFFICIENTNET, "b1", "0e80663031ca32d657f9caa404b6ec37"),
    "efficientnetv2-b2": _sized(_EFFICIENTNET, "b2", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "efficientnetv2-b3": _sized(_EFFICIENTNET, "b3", "f6abf7b5849ac99a89b50dd3fd532856"),
    "efficientnetv2-s": _sized(_EFFICIENTNET, "s", "af0682fb74e8c54910f2d4393339c070"),
    "efficientnetv2-m": _sized(_EFFICIENTNET, "m", "1b8dc055df72dde80d614482840fe342"),
    "efficientnetv2-l": _sized(_EFFICIENTNET, "l", "b0b66b5c863aef5b46e8608fe1711615"),
    "convnext-tiny": _sized(
        _CONVNEXT, "tiny", "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"
    ),
    "convnext-small": _sized(
        _CONVNEXT, "small", "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"
    ),
    "convnext-base": _sized(
        _CONVNEXT, "base", "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"
    ),
    "convnext-large": _sized(
        _CONVNEXT, "large", "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"
    ),
    "resnet50v2": _sized(_RESNET, "50", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": _sized(_RESNET, "101", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": _sized(_RESNET, "152", "ed17cf2e0169df9d443503ef94b23b33"),
    "densenet121": _sized(_DENSENET, "121", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": _sized(_DENSENET, "169", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": _sized(_DENSENET, "201", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}


def features(name: str, images: Any) -> Any:
    """Return the output of a network without its top for float32 images in [0, 1].

    The images have the shape (batch, height, width, 3); the result (batch, height / 32, width / 32,
    filters). Raises ConfigError if the images are too small.
    """
    known = APPLICATIONS[name]
    match known.pixels:
        case "bytes":  # the network scales them itself
            scale = layers.Rescaling(255.0, name="backbone_scale")
        case "signed":
            scale = layers.Rescaling(2.0, offset=-1.0, name="backbone_scale")
        case "standardized":
            scale = layers.Normalization(mean=_MEAN, variance=_VARIANCE, name="backbone_scale")
    build = getattr(keras.applications, known.function)
    try:
        return build(include_top=False, weights=None, input_tensor=scale(images)).output
    except ValueError as error:
        raise ConfigError(
            f"The backbone {name} does not fit images of {images.shape[1]}x{images.shape[2]} "
            f"pixels: {str(error).partition(';')[0]}; set data.image_size."
        ) from None


def download(name: str) -> Path:
    """Return the file with the weights of a network, from Keras' cache or the network.

    Raises DownloadError if it cannot be downloaded or has another digest.
    """
    known = APPLICATIONS[name]
    try:
        found = keras.utils.get_file(
            origin=f"{_STORE}/{known.file}", cache_subdir="models", file_hash=known.digest
        )
    except Exception as error:  # Keras raises a plain Exception without a network
        raise DownloadError(
            f"The weights of {name} cannot be downloaded: {printable(str(error)).rstrip('. ')}; "
            f"download {_STORE}/{known.file} on another machine and set model.weights to its path."
        ) from None
    return Path(found)
