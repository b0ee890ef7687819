"""Blank borders of the training images, which the model crops to save computation."""

import numpy as np
from numpy.typing import NDArray

from sightline.data.scaling import to_float
from sightline.data.split_arrays import StoredImages, blocks

Borders = tuple[tuple[int, int], tuple[int, int]]  # Cropped pixels (top, bottom) and (left, right)
NO_BORDERS: Borders = ((0, 0), (0, 0))

Floats = NDArray[np.float64]


def blank_borders(images: StoredImages, share: float) -> Borders:
    """Find the borders that contain hardly any of the variance of the images.

    The images are uint8, or float32 in [0, 1]. `share`, in (0, 1], is the part
    of the variance to keep along each axis; the rest is split evenly between both sides. 1 crops
    only rows and columns in which no pixel ever changes. At least one row and one column remain.
    """
    variance = _variance(images)
    rows, columns = variance.sum(axis=(1, 2)), variance.sum(axis=(0, 2))
    return _blank_ends(rows, share), _blank_ends(columns, share)


def _variance(images: StoredImages) -> Floats:
    """Return the variance of each pixel over all images, (height, width, channels)."""
    count, total, squares = 0, 0.0, 0.0
    for block in (to_float(images[rows]) for rows in blocks(images)):
        count += len(block)
        total = total + block.sum(axis=0, dtype=np.float64)
        squares = squares + np.square(block).sum(axis=0, dtype=np.float64)
    mean = np.asarray(total) / count
    return np.maximum(np.asarray(squares) / count - mean**2, 0.0)


def _blank_ends(variance: Floats, share: float) -> tuple[int, int]:
    dropped = variance.sum() * (1 - share) / 2
    if not variance.any():
        return 0, 0
    before, after = (
        int(np.searchsorted(np.cumsum(line), dropped, side="right"))
        for line in (variance, variance[::-1])
    )
    return min(before, len(variance) - 1), min(after, len(variance) - 1 - before)
