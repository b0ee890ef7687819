"""Settings of the augmentation of training images."""

from typing import Literal

from pydantic import Field

from sightline.config.base import Section


class Augmentation(Section):
    """Random changes of the training images, drawn for each image and epoch; by default none."""

    rotation: float = Field(default=0.0, ge=0, le=0.5, examples=[0.03])
    """Largest rotation, as a fraction of a full turn."""
    translation: float = Field(default=0.0, ge=0, le=1, examples=[0.1])
    """Largest shift, as a fraction of height and width."""
    zoom: float = Field(default=0.0, ge=0, lt=1, examples=[0.1])
    """Largest relative change of height and width, drawn independently."""
    shear: float = Field(default=0.0, ge=0, le=1, examples=[0.1])
    """Largest horizontal shear, in columns per row."""
    elastic: float = Field(default=0.0, ge=0, le=0.25, examples=[0.02])
    """Standard deviation of a smooth random displacement, as a fraction of height and width."""
    crop: float = Field(default=1.0, gt=0, le=1, examples=[0.7])
    """Smallest area of a random crop that is resized to the whole image, as a fraction of it. 1:
    no crop."""
    padding: int = Field(default=0, ge=0, le=256, examples=[4])
    """Pixels by which the image is continued on each side by reflection before a random part of
    its own size is cut out."""
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    """Flip half of the images. Not for digits, letters and other signs."""
    brightness: float = Field(default=0.0, ge=0, le=1, examples=[0.1])
    """Largest change of brightness, as a fraction of the range from black to white."""
    contrast: float = Field(default=0.0, ge=0, le=1, examples=[0.2])
    """Largest relative change of contrast."""
    saturation: float = Field(default=0.0, ge=0, le=1, examples=[0.2])
    """Largest relative change of saturation, of color images."""
    hue: float = Field(default=0.0, ge=0, le=0.5, examples=[0.05])
    """Largest change of hue of color images, as a fraction of the color circle."""
    rand_augment: float = Field(default=0.0, ge=0, le=1, examples=[0.3])
    """Magnitude of two operations that RandAugment draws for each image."""
    erasing: float = Field(default=0.0, ge=0, le=1, examples=[0.25])
    """Probability of filling a random rectangle with gray."""
    mixup: float = Field(default=0.0, ge=0, le=10, examples=[0.2])
    """Blend each image and its label with another one: alpha of the beta distribution of its share.
    Together with cutmix, each of them changes half of the images."""
    cutmix: float = Field(default=0.0, ge=0, le=10, examples=[1])
    """Paste a rectangle of another image into each image, and mix their labels by area: alpha of
    the beta distribution of its area."""
