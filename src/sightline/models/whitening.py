"""Filters that whiten small patches of the training images."""

import numpy as np
from numpy.typing import NDArray

from sightline.data.scaling import to_float
from sightline.data.split_arrays import StoredImages

Floats = NDArray[np.float32]

SIDE = 2  # Pixels of a patch in both directions
_PIXELS = 5_000 * 32 * 32  # Of the images that are read, evenly spread over the split
_SMALLEST = 5e-4  # Added to each variance, as a fraction of the mean variance


def whitening(images: StoredImages) -> tuple[Floats, Floats]:
    """Compute filters whose outputs on patches of the images are uncorrelated, with variance 1.

    The images are uint8, or float32 in [0, 1]. Returns float32 kernels of shape (SIDE, SIDE,
    channels, filters), each filter followed by its negative, and the biases that subtract the mean
    patch. Equal images give equal filters, whose order is that of falling variance.
    """
    most = max(1, _PIXELS // (images.shape[1] * images.shape[2]))
    chosen = np.unique(np.linspace(0, len(images) - 1, most).astype(np.int64))
    windows = np.lib.stride_tricks.sliding_window_view(
        to_float(images[chosen]), (SIDE, SIDE), axis=(1, 2)
    )  # (n, rows, columns, channels, SIDE, SIDE)
    patches = np.moveaxis(windows, 3, 5).reshape(-1, SIDE * SIDE * images.shape[3])
    mean = patches.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(np.cov(patches, rowvar=False, dtype=np.float64))
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(variances))])
    spread = np.sqrt(np.maximum(variances, 0) + _SMALLEST * variances.mean())
    filters = (axes / spread)[:, ::-1]
    filters = np.stack([filters, -filters], axis=2).reshape(len(filters), -1)
    kernels = filters.reshape(SIDE, SIDE, images.shape[3], -1)
    return kernels.astype(np.float32), (-mean @ filters).astype(np.float32)
