"""Profile the images of a split in a few numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.records import SplitProfile

_VALUES, _BINS = 256, 16
_DECIMALS = 6


class Profiler:
    """Counts the pixels of a split block by block."""

    def __init__(self) -> None:
        """Start without images."""
        self._pixels = np.zeros(_VALUES, dtype=np.int64)
        self._brightness = np.zeros(_BINS, dtype=np.int64)

    def add(self, images: NDArray[np.uint8]) -> None:
        """Add images: uint8 array of shape (m, height, width, channels)."""
        flat = images.reshape(len(images), -1)
        # Pillow counts bytes directly; bincount would first convert each to eight bytes.
        self._pixels += np.array(Image.fromarray(flat).histogram(), dtype=np.int64)
        means = flat.sum(axis=1, dtype=np.int64) * _BINS // (flat.shape[1] * _VALUES)
        self._brightness += np.bincount(means, minlength=_BINS)

    def profile(self, per_class: Sequence[int]) -> SplitProfile:
        """Return the profile of the images added so far, at least one."""
        values = np.arange(_VALUES)
        shares = self._pixels / self._pixels.sum()
        mean = float(values @ shares)
        present = np.flatnonzero(self._pixels)
        return SplitProfile(
            images=int(self._brightness.sum()),
            per_class=tuple(per_class),
            pixel_min=int(present[0]),
            pixel_max=int(present[-1]),
            pixel_mean=round(mean, _DECIMALS),
            pixel_std=round(float(np.sqrt((values - mean) ** 2 @ shares)), _DECIMALS),
            pixels=_round(shares.reshape(_BINS, -1).sum(axis=1)),
            brightness=_round(self._brightness / self._brightness.sum()),
        )


def _round(shares: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(share), _DECIMALS) for share in shares)
