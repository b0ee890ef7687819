"""Accuracy of what is answered where the model abstains below a probability."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.records import CoveragePoint

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
"""Close together where good models have their probabilities."""


def coverage(
    confidences: NDArray[np.floating[Any]], right: NDArray[np.bool_]
) -> tuple[CoveragePoint, ...]:
    """Measure coverage and accuracy at each threshold.

    Args:
        confidences: Highest probability of each image, shape (n,), in [0, 1].
        right: Whether that class is the label, shape (n,).

    Returns:
        A point for each threshold, lowest first, as long as anything is answered.
    """
    points = []
    for threshold in THRESHOLDS:
        answered = confidences >= threshold
        if answered.any():
            points.append(
                CoveragePoint(
                    threshold=threshold,
                    coverage=float(answered.mean()),
                    accuracy=float(right[answered].mean()),
                )
            )
    return tuple(points)
