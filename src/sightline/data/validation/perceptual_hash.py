"""Fingerprints of images that hardly change where the image hardly changes.

The hash is a form of "pHash" (C. Zauner, "Implementation and benchmarking of perceptual image
hash functions", 2010): the 8x8 lowest frequencies of the image's cosine transform (DCT-II), a bit
each. Two things differ: no image is resized, since the lowest frequencies mean the same at every
size, and a bit is set beyond a quarter of the mean magnitude instead of the median, so that
frequencies that an image lacks do not flip back and forth.
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SIDE = 8
_SPECTRUM = 32
"""How many of the lowest frequencies are kept to compare images by."""

_DEAD_ZONE = 0.25
_NEXT_TO_NOTHING = 1e-6
"""Frequencies of a smaller share of the image's magnitude are rounding."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in the brightness that people see: ITU-R BT.601."""

_COARSE_FIRST = sorted(range(_SIDE**2), key=lambda place: (sum(divmod(place, _SIDE)), place))
"""Places of the frequencies in their 8x8 square, the lowest first; the very first is the mean."""


class Fingerprints(NamedTuple):
    """What is kept of n images.

    Attributes:
        hashes: uint64 array of shape (n,); the coarsest frequency is the first bit.
        spectra: int8 array of shape (n, 32): the lowest frequencies, the largest made 127; all
            zero where the image has none.
    """

    hashes: NDArray[np.uint64]
    spectra: NDArray[np.int8]

    @classmethod
    def empty(cls, count: int) -> Self:
        """Make room for the fingerprints of so many images."""
        return cls(np.zeros(count, np.uint64), np.zeros((count, _SPECTRUM), np.int8))


def fingerprints(images: NDArray[np.uint8]) -> Fingerprints:
    """Compute the fingerprints of some images.

    Brightness does not count at all, contrast nearly so: the mean is left out, and all else is
    relative to the image's own magnitudes.

    Args:
        images: uint8 array of shape (n, height, width, channels), 1 or 3 channels.

    Returns:
        One fingerprint an image.
    """
    height, width = images.shape[1:3]
    square = _cosines(height) @ _grey(images) @ _cosines(width).T
    frequencies = np.take(square.reshape(len(images), -1), _COARSE_FIRST, axis=1)
    frequencies[np.abs(frequencies) < _NEXT_TO_NOTHING * frequencies[:, :1]] = 0
    frequencies[:, 0] = 0
    magnitudes = np.abs(frequencies)
    bits = frequencies > _DEAD_ZONE * magnitudes.mean(axis=1, keepdims=True)
    hashes = np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)
    largest = np.maximum(magnitudes[:, :_SPECTRUM].max(axis=1, keepdims=True), 1e-9)
    spectra = np.rint(127 * frequencies[:, :_SPECTRUM] / largest).astype(np.int8)
    return Fingerprints(hashes, spectra)


def differing_bits(hashes: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count the bits in which hashes differ, pair by pair: 0 to 64 (the Hamming distance)."""
    counted: NDArray[Any] = np.bitwise_count(hashes ^ others)
    return counted.astype(np.int64)


def _grey(images: NDArray[np.uint8]) -> Floats:
    if images.shape[-1] == 1:
        return images[..., 0].astype(np.float32)
    grey: Floats = images.astype(np.float32) @ _LUMA
    return grey


def _cosines(length: int) -> Floats:
    """Return the lowest rows of the DCT-II's matrix: float32 of shape (8, length)."""
    rows, places = np.arange(_SIDE), np.arange(length) + 0.5
    return np.cos(np.pi / length * np.outer(rows, places)).astype(np.float32)
