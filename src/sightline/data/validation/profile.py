"""Profile the images of a split in a few numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.records import SplitProfile

_VALUES, _BINS = 256, 16
_DECIMALS = 6

Sums = NDArray[np.int64]


class Profiler:
    """Counts the pixels of a split block by block."""

    def __init__(self) -> None:
        """Start without images."""
        self._pixels = np.zeros(_VALUES, dtype=np.int64)
        self._brightness = np.zeros(_BINS, dtype=np.int64)

    def add(self, images: NDArray[np.uint8], sums: Sums | None = None) -> None:
        """Add images, uint8 (m, height, width, channels), and their `pixel_sums` if known."""
        flat = images.reshape(len(images), -1)
        # Pillow counts bytes directly; bincount would first convert each to eight bytes.
        histogram = np.array(Image.fromarray(flat).histogram(), dtype=np.int64)
        self.add_histogram(histogram, pixel_sums(images) if sums is None else sums)

    def add_histogram(self, histogram: Sums, sums: Sums) -> None:
        """Add images of one size by the histogram of all, (256,), and their `pixel_sums`, (m,)."""
        if len(sums):
            pixels = int(histogram.sum()) // len(sums)
            self._pixels += histogram
            means = sums * _BINS // (pixels * _VALUES)
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


def pixel_sums(images: NDArray[np.uint8]) -> Sums:
    """Add up the values of each image, int64 (m,)."""
    flat = images.reshape(len(images), -1)
    # Adding up in four bytes takes half of the time
    narrow = flat.shape[1] * (_VALUES - 1) <= np.iinfo(np.uint32).max
    sums: Sums = flat.sum(axis=1, dtype=np.uint32 if narrow else np.uint64).astype(np.int64)
    return sums


def _round(shares: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(share), _DECIMALS) for share in shares)
