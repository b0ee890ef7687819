"""Balance between classes of different size: weights in the loss, or draws from each class.

Runs in the Keras process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.split_arrays import read_split_labels
from sightline.records import ArraySplit
from sightline.storage.workspace import Workspace

Rows = NDArray[np.int64]


def class_weights(workspace: Workspace, split: ArraySplit) -> dict[int, float]:
    """Return the weight of each class, n / (classes * n of the class)."""
    counts = np.bincount(read_split_labels(workspace, split), minlength=split.num_classes)
    weights = np.sum(counts) / (split.num_classes * np.maximum(counts, 1))
    return dict(enumerate(weights.tolist()))


def rows_by_class(classes: NDArray[np.integer[Any]]) -> list[Rows]:
    """Return the rows of each class that has any, for the labels (n,)."""
    rows = np.argsort(classes, kind="stable")
    return np.split(rows, np.flatnonzero(np.diff(classes[rows])) + 1)


def draw(rng: np.random.Generator, rows: Rows, count: int) -> Rows:
    """Draw rows (count,) in random order, each once before any is drawn again."""
    passes = [rng.permutation(rows) for _ in range(max(1, -(-count // len(rows))))]
    return np.concatenate(passes)[:count]


def draw_equally(rng: np.random.Generator, classes: list[Rows], count: int) -> Rows:
    """Draw rows (count,) in random order, as many of each class, but for a rest below one each."""
    more = rng.permutation(len(classes)) < count % len(classes)
    shares = [count // len(classes) + one for one in more.tolist()]
    drawn = [draw(rng, rows, share) for rows, share in zip(classes, shares, strict=True)]
    return rng.permutation(np.concatenate(drawn))
