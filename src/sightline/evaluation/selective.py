"""Accuracy against coverage: how a model performs if it abstains below a confidence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.evaluation.model_under_test import Context
from sightline.records import CoveragePoint

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
"""Dense near 1, where the confidences of good models are."""


def measure(context: Context) -> tuple[CoveragePoint, ...]:
    """Measure the test split."""
    return accuracy_at_coverage(context.predictions.confidence, context.predictions.correct)


def accuracy_at_coverage(
    confidence: NDArray[np.floating[Any]], correct: NDArray[np.bool_]
) -> tuple[CoveragePoint, ...]:
    """Measure both at each threshold that leaves at least one prediction, the lowest first."""
    answered = {threshold: confidence >= threshold for threshold in THRESHOLDS}
    return tuple(
        CoveragePoint(
            threshold=threshold,
            coverage=float(rows.mean()),
            accuracy=float(correct[rows].mean()),
        )
        for threshold, rows in answered.items()
        if rows.any()
    )
