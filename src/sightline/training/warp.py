"""Random geometric transformations of the training images in one warp.

Runs in the Keras process. Crop, rotation, translation, zoom, shear and elastic displacement are
composed first, so each image is interpolated (bilinearly) only once.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sightline.config import Augmentation
from sightline.training.crops import MOST_STRETCHED

Floats = NDArray[np.float32]

_GRID = 6  # Displaced points along each side of an image; the displacement is smooth between them


class Warp(keras.layers.Layer):  # type: ignore[misc] # Keras is untyped
    """Transforms each image randomly; pixels from outside of it are black.

    Keras' own layers of this kind interpolate once each, cannot be compiled by XLA, and RandomCrop
    draws one place for a whole batch.

    The elastic part follows Simard, Steinkraus and Platt, "Best practices for convolutional
    neural networks applied to visual document analysis" (2003), but draws displacements on a
    coarse grid instead of smoothing one per pixel.
    """

    def __init__(self, settings: Augmentation, seed: int, **options: Any) -> None:
        """Create the layer; `options` are those of any Keras layer."""
        super().__init__(**{"name": "augmentation", "dtype": "float32", **options})
        self._settings = settings
        self._seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return images of the same shape, float32 (batch, height, width, channels)."""
        if not training:
            return images
        height, width = images.shape[1:3]
        count = ops.shape(images)[0]
        source = self._affine(count, height, width)
        if self._settings.elastic:
            source = source + self._elastic(count, height, width)
        return _interpolate(images, source)

    def _affine(self, count: Any, height: int, width: int) -> Any:
        """Return the source position of each pixel, in pixels, (count, height, width, 2)."""
        angle = self._draw((count,)) * self._settings.rotation * 2 * math.pi
        cosine, sine = ops.cos(angle), ops.sin(angle)
        slant = self._draw((count,)) * self._settings.shear
        turned = [[cosine - slant * sine, -sine], [sine + slant * cosine, cosine]]
        size = 1 + self._draw((count, 1, 2)) * self._settings.zoom
        change = ops.stack([ops.stack(row, axis=-1) for row in turned], axis=1) * size
        shift = self._draw((count, 1, 2)) * self._settings.translation * _extent(height, width)
        centre = _extent(height - 1, width - 1) / 2
        pixels = np.indices((height, width), np.float32).reshape(2, -1).T - centre
        if self._settings.crop < 1:
            pixels = self._cropped(pixels, count, _extent(height - 1, width - 1))
        moved = ops.matmul(pixels, ops.transpose(change, (0, 2, 1))) + shift + centre
        return ops.reshape(moved, (-1, height, width, 2))

    def _cropped(self, pixels: Any, count: Any, extent: Floats) -> Any:
        """Return the place of each pixel, relative to the centre, in a random crop of each image.

        No crop is smaller than wanted or reaches out of its image.
        """
        area = 1 - (1 - self._settings.crop) * (1 + self._draw((count, 1))) / 2
        free = ops.minimum(math.log(MOST_STRETCHED), -ops.log(area)) / 2
        stretch = ops.exp(self._draw((count, 1)) * free)
        root = ops.sqrt(area)
        sides = ops.stack([root * stretch, root / stretch], axis=-1)
        return pixels * sides + self._draw((count, 1, 2)) * (1 - sides) * extent / 2

    def _elastic(self, count: Any, height: int, width: int) -> Any:
        """Return a smooth random displacement in pixels, (count, height, width, 2)."""
        drawn = keras.random.normal((count, 2 * _GRID, _GRID), seed=self._seed_generator)
        rows = ops.reshape(ops.matmul(drawn, _weights(width).T), (-1, 2, _GRID, width))
        bent = ops.transpose(ops.matmul(_weights(height), rows), (0, 2, 3, 1))
        return bent * self._settings.elastic * _extent(height, width)

    def _draw(self, shape: tuple[Any, ...]) -> Any:
        return keras.random.uniform(shape, -1.0, 1.0, seed=self._seed_generator)


def _extent(height: float, width: float) -> Floats:
    return np.array([height, width], np.float32)


def _weights(pixels: int) -> Floats:
    """Return the weight of each grid point for each pixel, (pixels, points).

    Gaussians around the points, scaled so that their sum has unit variance.
    """
    points = np.linspace(0, pixels - 1, _GRID)
    distance = np.arange(pixels)[:, None] - points
    weights = np.exp(-0.5 * (distance / (points[1] - points[0])) ** 2)
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True), np.float32)


def _interpolate(images: Any, source: Any) -> Any:
    """Interpolate images (n, height, width, channels) bilinearly.

    The source positions are rows and columns in pixels, (n, height, width, 2).
    """
    height, width = images.shape[1] + 2, images.shape[2] + 2
    inside = ops.clip(source + 1, 0, _extent(height - 1, width - 1))
    whole = ops.floor(inside)
    down, right = ops.split(inside - whole, 2, axis=-1)
    row, column = ops.split(ops.cast(whole, "int32"), 2, axis=-1)
    image = ops.reshape(ops.arange(ops.shape(images)[0]), (-1, 1, 1, 1))
    pixel = ops.squeeze((image * height + row) * width + column, -1)
    found = ops.take(_with_neighbors(images), pixel, axis=0)
    above, right_above, below, right_below = ops.split(found, 4, axis=-1)
    above, below = (
        left + right * (other - left)
        for left, other in ((above, right_above), (below, right_below))
    )
    return above + down * (below - above)


def _with_neighbors(images: Any) -> Any:
    """Return each pixel with its neighbors right, below and below right; black around the image.

    The shape is (n * (height + 2) * (width + 2), 4 * channels), so one look-up finds all four.
    """
    height, width = images.shape[1] + 2, images.shape[2] + 2
    padded = ops.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)))
    moves = ((0, 0), (0, 1), (1, 0), (1, 1))
    moved = [padded[:, down : height + down, right : width + right] for down, right in moves]
    return ops.reshape(ops.concatenate(moved, axis=-1), (-1, 4 * images.shape[3]))
