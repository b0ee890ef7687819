"""Profiles of a split: what its images look like, in a few numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.records import SplitProfile

_VALUES, _BINS = 256, 16
_DIGITS = 6
"""Digits after the point of what is kept."""


class Profiler:
    """Counts the pixels of a split block by block."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._pixels = np.zeros(_VALUES, dtype=np.int64)
        self._brightness = np.zeros(_BINS, dtype=np.int64)

    def add(self, images: NDArray[np.uint8]) -> None:
        """Count more images.

        Args:
            images: uint8 array of shape (m, height, width, channels).
        """
        flat = images.reshape(len(images), -1)
        # Pillow counts bytes as they are; bincount would first make each eight bytes wide.
        self._pixels += np.array(Image.fromarray(flat).histogram(), dtype=np.int64)
        means = flat.sum(axis=1, dtype=np.int64) * _BINS // (flat.shape[1] * _VALUES)
        self._brightness += np.bincount(means, minlength=_BINS)

    def profile(self, per_class: Sequence[int]) -> SplitProfile:
        """Sum up.

        Args:
            per_class: Images of each class, in label order.

        Returns:
            The profile of the images that were added; at least one.
        """
        values = np.arange(_VALUES)
        shares = self._pixels / self._pixels.sum()
        mean = float(values @ shares)
        present = np.flatnonzero(self._pixels)
        return SplitProfile(
            images=int(self._brightness.sum()),
            per_class=tuple(per_class),
            pixel_min=int(present[0]),
            pixel_max=int(present[-1]),
            pixel_mean=round(mean, _DIGITS),
            pixel_std=round(float(np.sqrt((values - mean) ** 2 @ shares)), _DIGITS),
            pixels=_rounded(shares.reshape(_BINS, -1).sum(axis=1)),
            brightness=_rounded(self._brightness / self._brightness.sum()),
        )


def _rounded(shares: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(share), _DIGITS) for share in shares)
