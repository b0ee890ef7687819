"""Images as the features of the frozen layers, averaged over height and width and standardized."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import read_labels
from sightline.data.split_arrays import blocks
from sightline.evaluation.frozen_features import FrozenFeatures, ImageFeatures

Rows = NDArray[np.int64]

TINY = 1e-6  # Added to the standard deviation of a feature, which may be 0
_MOST_IMAGES = 20_000  # All pairs of them are compared, in seconds; more are sampled evenly


@dataclass(frozen=True)
class Embedded:
    """n images with their features."""

    splits: NDArray[np.str_]  # Name of the split that each was ingested in, (n,)
    indexes: Rows  # Index in that split, (n,)
    labels: Rows  # (n,), from 0
    features: NDArray[np.float32]  # (n, channels)

    def columns(self, rows: Rows, prefix: str = "") -> dict[str, Any]:
        """Return columns that name the images of some rows and their labels."""
        arrays = {"split": self.splits, "index": self.indexes, "label": self.labels}
        return {prefix + name: array[rows] for name, array in arrays.items()}


def read(features: FrozenFeatures) -> Embedded:
    """Read the features of at most 20,000 images, evenly spaced over each split."""
    parts = list(features.parts())
    total = sum(len(part.rows) for part in parts)
    found = []
    for split, indexes, stored in parts:
        count = min(len(indexes), max(1, len(indexes) * _MOST_IMAGES // total))
        rows = np.linspace(0, len(indexes) - 1, count).astype(np.int64)
        classes = read_labels(features.workspace, features.files, split)[indexes[rows]]
        found.append((np.full(count, split), indexes[rows], classes, pooled(stored)[rows]))
    splits, places, classes, values = (
        np.concatenate(column) for column in zip(*found, strict=True)
    )
    return Embedded(splits, places, classes.astype(np.int64), standardized(values))


def pooled(features: ImageFeatures) -> NDArray[np.float32]:
    """Average features (n, height, width, channels), or (n, channels), over height and width."""
    middle = tuple(range(1, len(features.shape) - 1))
    rounded = (features[rows].astype(np.float16) for rows in blocks(features))  # in all splits
    return np.concatenate([part.astype(np.float32).mean(axis=middle) for part in rounded])


def standardized(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift and scale each column of an array (n, channels) to mean 0 and deviation 1."""
    scaled: NDArray[np.float32] = (values - values.mean(axis=0)) / (values.std(axis=0) + TINY)
    return scaled
