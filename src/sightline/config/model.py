"""The network."""

from pydantic import Field

from sightline.config.base import Section


class Convolution(Section):
    """One 3x3 convolution with "same" padding, followed by ReLU."""

    filters: int = Field(ge=1, le=4096)
    stride: int = Field(default=1, ge=1, le=4)
    batch_normalization: bool = Field(
        default=False,
        description="Whether what it gives is normalised over the batch (zero mean, unit variance, "
        "then a learnt scale and shift in place of its bias).",
    )


class ModelConfig(Section):
    """The layers between the image and the class probabilities."""

    crop_borders: float = Field(
        default=1.0,
        ge=0.5,
        le=1,
        description="Share of the training pixels' variance, along the height and along the width, "
        "that the network looks at; borders without any are cut off. 1: all pixels.",
    )
    convolutions: tuple[Convolution, ...] = Field(
        min_length=1, max_length=64, description="The 3x3 convolutions, first to last."
    )
    dense_units: int = Field(
        ge=1, le=65536, description="Width of the hidden dense layer after the global pooling."
    )
    dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the hidden dense layer's values that each training step drops.",
    )
