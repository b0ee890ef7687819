"""Settings of the network."""

from pydantic import Field

from sightline.config.base import Section


class Convolution(Section):
    """A 3x3 convolution with "same" padding, followed by ReLU."""

    filters: int = Field(ge=1, le=4096)
    """Number of filters."""
    stride: int = Field(default=1, ge=1, le=4)
    """Stride in both directions, in pixels."""
    batch_normalization: bool = False
    """Apply batch normalization to the output."""


class ModelConfig(Section):
    """The layers between the image and the class probabilities."""

    crop_borders: float = Field(default=1.0, ge=0.5, le=1)
    """Crop the images to the central rows and columns that hold this fraction of the training
    pixels' variance. 1: no cropping."""
    convolutions: tuple[Convolution, ...] = Field(min_length=1, max_length=64)
    """The 3x3 convolutions, first to last."""
    dense_units: int = Field(ge=1, le=65536)
    """Units of the hidden dense layer after global pooling."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout rate after the hidden dense layer."""
