"""The part of the images where something happens, so that blank borders cost nothing."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.storage.npy import read_blocks

Borders = tuple[tuple[int, int], tuple[int, int]]
"""Pixels (above, below) and (left, right) of the window."""

NO_BORDERS: Borders = ((0, 0), (0, 0))

Floats = NDArray[np.float64]


def blank_borders(images: Path, share: float) -> Borders:
    """Find the borders that hold next to none of the images' variance.

    Args:
        images: NPY file, float32 of shape (n, height, width, channels).
        share: What the window keeps of the variance along the height, and along the width,
            in (0, 1]; what is given up is split evenly between both sides. 1 gives up only
            rows and columns in which no pixel ever changes.

    Returns:
        The borders; a single row and column are left at least.
    """
    variance = _variance(images)
    rows, columns = variance.sum(axis=(1, 2)), variance.sum(axis=(0, 2))
    return _blank_ends(rows, share), _blank_ends(columns, share)


def _variance(images: Path) -> Floats:
    """Return the variance of each pixel over all images, (height, width, channels)."""
    count, total, squares = 0, 0.0, 0.0
    for block in read_blocks(images):
        count += len(block)
        total = total + block.sum(axis=0, dtype=np.float64)
        squares = squares + np.square(block).sum(axis=0, dtype=np.float64)
    mean = np.asarray(total) / count
    return np.maximum(np.asarray(squares) / count - mean**2, 0.0)


def _blank_ends(variance: Floats, share: float) -> tuple[int, int]:
    given_up = variance.sum() * (1 - share) / 2
    if not variance.any():
        return 0, 0
    before, after = (
        int(np.searchsorted(np.cumsum(line), given_up, side="right"))
        for line in (variance, variance[::-1])
    )
    return min(before, len(variance) - 1), min(after, len(variance) - 1 - before)
