"""A fixed set of corruptions of images, each in severities 1 to 5.

A corruption maps uint8 images of shape (m, height, width, channels), a severity s and the position
of the first image in the sample to uint8 images of the same shape. It depends on nothing else, so
an image is corrupted equally in every block and for every model.

| corruption | at severity s |
| --- | --- |
| shift | by 3s % of the height and of the width, along one of four diagonals |
| rotation | by 9s degrees about the centre, to the left or to the right |
| scale | about the centre, 1 + s / 10 times larger or smaller |
| noise | normal noise of 8s % of the range of pixels, for each pixel and channel |
| blur | Gaussian, its standard deviation 1.5s % of the shorter side |
| contrast | 18s % of a pixel's distance from the image's mean removed |
| inversion | 20s % of the way from a pixel to its opposite; 5 is the negative |

Directions alternate by position. Pixels from outside repeat the border, which continues a
background of any colour. Lengths are fractions of the sides and mean the same at every image
size; only the grain of the noise is one pixel.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from sightline.evaluation.predictions import Images

Corruption = Callable[[Images, int, int], Images]

SEVERITIES = range(1, 6)

_SHIFT, _DEGREES, _SCALE, _NOISE, _BLUR, _CONTRAST = 0.03, 9, 0.1, 0.08, 0.015, 0.18
"""Strength of severity 1; the others are multiples."""

_LARGE = 256 * 256
"""Pixels from which images are resampled one by one: the weights for all pixels would take more
time than they save, and gigabytes."""

_DIAGONALS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_NO_OFFSET = (0.0, 0.0)

_Floats = NDArray[np.float64]
_Map = tuple[_Floats, tuple[float, float]]
"""Source of a pixel: a matrix about the centre, then an offset in pixels down and right."""


def shift(images: Images, severity: int, first: int) -> Images:
    """Move the images along a diagonal."""
    height, width = (_SHIFT * severity * side for side in images.shape[1:3])
    maps = [(np.eye(2), (down * height, right * width)) for down, right in _DIAGONALS]
    return _mapped(images, first, maps)


def rotation(images: Images, severity: int, first: int) -> Images:
    """Rotate the images about their centre."""
    angle = math.radians(_DEGREES * severity)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return _mapped(images, first, [(turn, _NO_OFFSET), (turn.T, _NO_OFFSET)])


def scale(images: Images, severity: int, first: int) -> Images:
    """Enlarge or shrink the content."""
    factor = 1 + _SCALE * severity
    maps = [(np.eye(2) * factor, _NO_OFFSET), (np.eye(2) / factor, _NO_OFFSET)]
    return _mapped(images, first, maps)


def noise(images: Images, severity: int, first: int) -> Images:
    """Add normal noise, seeded with severity and position."""
    drawn = [
        np.random.default_rng((severity, position)).standard_normal(images.shape[1:], np.float32)
        for position in range(first, first + len(images))
    ]
    return _pixels(images + np.float32(255 * _NOISE * severity) * np.stack(drawn))


def blur(images: Images, severity: int, first: int) -> Images:
    """Blur height and width, not the channels."""
    deviation = _BLUR * severity * min(images.shape[1:3])
    spread = (0, deviation, deviation, 0)
    return _pixels(ndimage.gaussian_filter(images, spread, output=np.float32, mode="nearest"))


def contrast(images: Images, severity: int, first: int) -> Images:
    """Move the pixels towards the mean of their image over all channels."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True).astype(np.float32)
    return _pixels(mean + np.float32(1 - _CONTRAST * severity) * (images - mean))


def inversion(images: Images, severity: int, first: int) -> Images:
    """Blend the images with their negatives."""
    left = SEVERITIES[-1] - severity
    blended = left * images.astype(np.uint16) + severity * (255 - images).astype(np.uint16)
    half = SEVERITIES[-1] // 2
    return ((blended + half) // SEVERITIES[-1]).astype(np.uint8)


CORRUPTIONS: dict[str, Corruption] = {
    function.__name__: function
    for function in (shift, rotation, scale, noise, blur, contrast, inversion)
}


def _mapped(images: Images, first: int, maps: Sequence[_Map]) -> Images:
    """Resample each image with one of the maps in turn, by bilinear interpolation."""
    height, width = images.shape[1:3]
    centre = (np.array((height, width)) - 1) / 2
    resample = _one_by_one if height * width > _LARGE else _together
    corrupted = np.empty_like(images)
    for number, (matrix, move) in enumerate(maps):
        turn = slice((number - first) % len(maps), len(images), len(maps))
        corrupted[turn] = resample(images[turn], matrix, centre - matrix @ centre + move)
    return corrupted


def _one_by_one(images: Images, matrix: _Floats, offset: _Floats) -> Images:
    resampled = np.empty_like(images)
    for image, result in zip(images, resampled, strict=True):
        # Per channel: in three dimensions SciPy would interpolate between eight neighbours.
        for channel in range(images.shape[3]):
            plane = result[..., channel]
            ndimage.affine_transform(
                image[..., channel], matrix, offset, output=plane, order=1, mode="nearest"
            )
    return resampled


def _together(images: Images, matrix: _Floats, offset: _Floats) -> Images:
    count, height, width, channels = images.shape
    weights = _interpolation((height, width), matrix, offset)
    pixels = images.reshape(-1, height * width, channels).swapaxes(0, 1)
    mixed = weights @ pixels.reshape(height * width, -1).astype(np.float64)
    rounded: Images = (mixed + 0.5).astype(np.uint8).reshape(pixels.shape)
    return rounded.swapaxes(0, 1).reshape(count, height, width, channels)


def _interpolation(shape: tuple[int, int], matrix: _Floats, offset: _Floats) -> sparse.csr_array:
    """Return the weights of the pixels of an image for each pixel of the result, (n, n).

    The source of a pixel is a matrix times its row and column, plus an offset.
    """
    corners = []
    for side, row, shift in zip(shape, matrix, offset, strict=True):
        place = np.clip(np.tensordot(row, np.indices(shape), 1).ravel() + shift, 0, side - 1)
        lower = np.floor(place).astype(np.int64)
        corners.append(
            ((lower, 1 - place + lower), (np.minimum(lower + 1, side - 1), place - lower))
        )
    pairs = list(product(*corners))
    columns = np.stack([y * shape[1] + x for (y, _), (x, _) in pairs], axis=1)
    weights = np.stack([above * left for (_, above), (_, left) in pairs], axis=1)
    starts = np.arange(0, columns.size + 1, len(pairs))
    return sparse.csr_array((weights.ravel(), columns.ravel(), starts), shape=(len(columns),) * 2)


def _pixels(values: NDArray[np.float32]) -> Images:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
