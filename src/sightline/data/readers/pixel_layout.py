"""Find how the pixels of an image lie in an array or a row: in which order, and of what shape."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.readers.base import Shape

_RGB = 3
_CLEARLY = 0.9  # Neighbors in the right order differ less than this share of those in the wrong one


@dataclass(frozen=True)
class PixelLayout:
    """How the values of an image lie in the source."""

    shape: Shape  # Shape of the images
    planes_first: bool = False  # Whether all red values precede all green ones

    def arrange(self, blocks: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Bring blocks of m images, in any shape, to the shape (m, height, width, channels)."""
        height, width, channels = self.shape
        for block in blocks:
            if self.planes_first:
                yield np.moveaxis(block.reshape(len(block), channels, height, width), 1, -1)
            else:
                yield block.reshape(len(block), *self.shape)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on planes that come first."""
        text = "The color channels lie one after the other; the values of each pixel were joined."
        return (text,) if self.planes_first and self.shape[2] > 1 else ()


def shape_of_row(count: int, settings: DataConfig) -> Shape | None:
    """Return the shape of an image of so many values: as configured, or a square; None if neither.

    Grey has precedence over RGB.
    """
    if settings.image_size is not None:
        for channels in (settings.channels,) if settings.channels else (1, _RGB):
            if math.prod(settings.image_size) * channels == count:
                return (*settings.image_size, channels)
    for channels in (1, _RGB):
        side = math.isqrt(count // channels)
        if side * side * channels == count > 0:
            return side, side, channels
    return None


def find_row_layout(blocks: Iterator[NDArray[Any]], shape: Shape) -> PixelLayout:
    """Find whether flat color images lie in planes, as in CIFAR-10, or pixel by pixel.

    `blocks` are images of shape (m, height * width * channels), of which the first block is read.
    In planes, values that are one row of the image apart are neighbors above and below each other;
    pixel by pixel, these are three times as far apart. Those that differ less, by a tenth at least,
    are the neighbors.
    """
    if shape[2] != _RGB:
        return PixelLayout(shape)
    first = next(blocks)
    values = first.reshape(len(first), -1).astype(np.float64)
    with np.errstate(invalid="ignore"):  # of infinite values, which are refused later
        planes, pixels = (
            float(np.abs(values[:, step:] - values[:, :-step]).mean())
            for step in (shape[1], _RGB * shape[1])
        )
    return PixelLayout(shape, planes < _CLEARLY * pixels)
