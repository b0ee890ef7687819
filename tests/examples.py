"""Small made-up data sets that a network can learn in seconds."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 4


def pictures(
    count: int, seed: int, shape: tuple[int, int, int] = (12, 12, 1)
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Make noisy textures: rows, columns, checks or nothing."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = generator.integers(0, 60, (count, *shape), dtype=np.uint8)
    row, column = np.indices(shape[:2])
    textures = np.stack([row % 2, column % 2, (row + column) % 2, 0 * row]).astype(np.uint8)
    return images + 180 * textures[labels][..., np.newaxis], labels


def write_npz(
    path: Path, train: int = 160, test: int = 40, shape: tuple[int, int, int] = (12, 12, 1)
) -> Path:
    """Write the images as x_train, y_train, x_test, y_test."""
    x_train, y_train = pictures(train, 1, shape)
    x_test, y_test = pictures(test, 2, shape)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path
