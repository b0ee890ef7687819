"""Stratified splits: the same share of every class on each side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError


def choose_share(
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    fraction: float,
    seed: int,
    split: str,
) -> NDArray[np.bool_]:
    """Draw a share of the examples of each class at random.

    Every class ends up on both sides, even where its share rounds to nothing: scikit-learn's
    stratified splits do not promise that.

    Args:
        labels: Integer array of shape (n,), values from 0 to `num_classes` - 1.
        class_names: Names in label order.
        fraction: Share of each class to draw, in (0, 1).
        seed: Seed of the drawing.
        split: What the drawn examples are for, such as "test"; for the error message.

    Returns:
        bool array of shape (n,), true for the drawn examples.

    Raises:
        DataError: A class has a single example.
    """
    check_counts(np.bincount(labels, minlength=len(class_names)).tolist(), class_names, split)
    chosen = np.zeros(len(labels), dtype=np.bool_)
    generator = np.random.default_rng(seed)
    for label in range(len(class_names)):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            count = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
            chosen[generator.choice(rows, count, replace=False, shuffle=False)] = True
    return chosen


def check_counts(counts: Sequence[int], class_names: Sequence[str], split: str) -> None:
    """Make sure that every class can be on both sides of a split.

    Args:
        counts: Examples of each class, in label order.
        class_names: Names in label order.
        split: What is going to be drawn, such as "test"; for the error message.

    Raises:
        DataError: A class has a single example.
    """
    for name, count in zip(class_names, counts, strict=True):
        if count == 1:
            raise DataError(
                f"The class {name!r} has a single example, which cannot be in both the training "
                f"and the {split} split; add another, or remove the class."
            )
