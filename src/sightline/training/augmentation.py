"""Random changes of the training images: one warp for all that moves pixels.

Runs inside the Keras process, in front of the network and only while it is trained: an exported
model holds none of it. Turning, shifting, stretching and bending are put together before the
image is read, once, with bilinear interpolation, so that it is blurred once and paid for once.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sightline.config import Augmentation

Floats = NDArray[np.float32]

_GRID = 6
"""Points along each side of an image that are displaced; between them it bends smoothly."""


def augmentation(settings: Augmentation, seed: int) -> keras.layers.Layer | None:
    """Make the layer that changes images while a network is trained.

    Args:
        settings: How much.
        seed: Where the layer's random numbers begin.

    Returns:
        A layer from float32 images (batch, height, width, channels) to the same; None where
        nothing is to be changed.
    """
    return Warp(settings, seed) if settings != Augmentation() else None


class Warp(keras.layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Moves each image's pixels at random; what comes in from outside is black.

    The elastic part follows Simard, Steinkraus and Platt, "Best practices for convolutional
    neural networks applied to visual document analysis" (2003), with displacements drawn on a
    coarse grid instead of smoothed from one a pixel.
    """

    def __init__(self, settings: Augmentation, seed: int, **options: Any) -> None:
        """Take the changes' sizes.

        Args:
            settings: How much.
            seed: Where the random numbers begin.
            options: As for any Keras layer.
        """
        super().__init__(**{"name": "augmentation", "dtype": "float32", **options})
        self._settings = settings
        self._chance = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return images of the same shape, float32 (batch, height, width, channels)."""
        if not training:
            return images
        height, width = images.shape[1:3]
        count = ops.shape(images)[0]
        where = self._moved(count, height, width)
        if self._settings.elastic:
            where = where + self._bent(count, height, width)
        return _read_at(images, where)

    def _moved(self, count: Any, height: int, width: int) -> Any:
        """Return the place in pixels that each pixel comes from, (count, height, width, 2)."""
        angle = self._draw((count,)) * self._settings.rotation * 2 * math.pi
        cosine, sine = ops.cos(angle), ops.sin(angle)
        slant = self._draw((count,)) * self._settings.shear
        turned = [[cosine - slant * sine, -sine], [sine + slant * cosine, cosine]]
        size = 1 + self._draw((count, 1, 2)) * self._settings.zoom
        change = ops.stack([ops.stack(row, axis=-1) for row in turned], axis=1) * size
        shift = self._draw((count, 1, 2)) * self._settings.translation * _extent(height, width)
        centre = _extent(height - 1, width - 1) / 2
        pixels = np.indices((height, width), np.float32).reshape(2, -1).T - centre
        moved = ops.matmul(pixels, ops.transpose(change, (0, 2, 1))) + shift + centre
        return ops.reshape(moved, (-1, height, width, 2))

    def _bent(self, count: Any, height: int, width: int) -> Any:
        """Return a smooth random displacement in pixels, (count, height, width, 2)."""
        drawn = keras.random.normal((count, 2 * _GRID, _GRID), seed=self._chance)
        rows = ops.reshape(ops.matmul(drawn, _weights(width).T), (-1, 2, _GRID, width))
        bent = ops.transpose(ops.matmul(_weights(height), rows), (0, 2, 3, 1))
        return bent * self._settings.elastic * _extent(height, width)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return keras.random.uniform(shape, -1.0, 1.0, seed=self._chance)


def _extent(height: float, width: float) -> Floats:
    return np.array([height, width], np.float32)


def _weights(pixels: int) -> Floats:
    """Return the weights of the grid's points for each pixel, (pixels, points).

    Gaussians around the points, scaled so that the sum has unit variance.
    """
    points = np.linspace(0, pixels - 1, _GRID)
    distance = np.arange(pixels)[:, None] - points
    weights = np.exp(-0.5 * (distance / (points[1] - points[0])) ** 2)
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True), np.float32)


def _read_at(images: Any, where: Any) -> Any:
    """Interpolate images, (n, height, width, channels), between the four pixels at each place.

    The places are rows and columns in pixels, (n, height, width, 2).
    """
    height, width = images.shape[1] + 2, images.shape[2] + 2
    inside = ops.clip(where + 1, 0, _extent(height - 1, width - 1))
    whole = ops.floor(inside)
    down, right = ops.split(inside - whole, 2, axis=-1)
    row, column = ops.split(ops.cast(whole, "int32"), 2, axis=-1)
    image = ops.reshape(ops.arange(ops.shape(images)[0]), (-1, 1, 1, 1))
    pixel = ops.squeeze((image * height + row) * width + column, -1)
    found = ops.take(_with_neighbours(images), pixel, axis=0)
    above, right_above, below, right_below = ops.split(found, 4, axis=-1)
    above, below = (
        left + right * (other - left)
        for left, other in ((above, right_above), (below, right_below))
    )
    return above + down * (below - above)


def _with_neighbours(images: Any) -> Any:
    """Return each pixel, black ones around included, with those right, below and right below.

    One after the other, (n * (height + 2) * (width + 2), 4 * channels), so that one look-up
    finds all four.
    """
    height, width = images.shape[1] + 2, images.shape[2] + 2
    padded = ops.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
    moves = ((0, 0), (0, 1), (1, 0), (1, 1))
    moved = [padded[:, down : height + down, right : width + right] for down, right in moves]
    return ops.reshape(ops.concatenate(moved, axis=-1), (-1, 4 * images.shape[3]))
