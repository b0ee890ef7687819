"""Calibration of the probabilities, and temperature scaling.

C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks" (2017).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import Labels
from sightline.data.split_arrays import read_split_labels
from sightline.evaluation.model_under_test import Context, ModelUnderTest
from sightline.evaluation.predictions import PREDICTIONS, Predictions, join, of_block
from sightline.evaluation.predictions_table import read_blocks
from sightline.records import Calibration, ReliabilityBin, Temperature

Floats = NDArray[np.floating[Any]]

_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.05, 20.0
"""Optima outside these bounds come from too few images, or from images without a mistake."""

_TINY = float(np.finfo(np.float32).tiny)  # Stands for 0, which has no logarithm


def measure(context: Context) -> Calibration:
    """Measure the calibration error, and with a validation split the effect of a temperature."""
    tested, predictions = context.tested, context.predictions
    number = tested.settings.calibration_bins
    bins, error = reliability(predictions.confidence, predictions.correct, number)
    calibration = Calibration(bins=bins, error=error)
    if "validation" not in tested.arrays.splits:
        return calibration
    probabilities, labels = _predict_validation(tested)
    temperature = fit_temperature(probabilities, labels)
    scaled = read_scaled(
        context.draft.path(PREDICTIONS), len(tested.files.class_names), temperature
    )
    _, scaled_error = reliability(scaled.confidence, scaled.correct, number)
    effect = Temperature(
        temperature=temperature,
        validation_images=len(labels),
        loss=scaled.loss,
        calibration_error=scaled_error,
    )
    return calibration.model_copy(update={"temperature": effect})


def reliability(
    confidence: Floats, correct: NDArray[np.bool_], num_bins: int
) -> tuple[tuple[ReliabilityBin, ...], float]:
    """Compare confidence and accuracy in bins (low, high] of equal width.

    Args:
        confidence: Probability of the predicted class, shape (n,), in [0, 1].
        correct: Whether the prediction is correct, shape (n,).

    Returns:
        The bins, and the expected calibration error in [0, 1].
    """
    edges = np.linspace(0, 1, num_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, num_bins - 1)
    images, confidences, hits = (
        np.bincount(bins, weights=weights, minlength=num_bins)
        for weights in (None, confidence, correct)
    )
    error = np.abs(hits - confidences).sum() / len(confidence)
    return tuple(
        ReliabilityBin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            images=int(count),
            confidence=float(confidences[number] / count) if count else None,
            accuracy=float(hits[number] / count) if count else None,
        )
        for number, count in enumerate(images)
    ), float(error)


def fit_temperature(probabilities: Floats, labels: NDArray[np.integer[Any]]) -> float:
    """Find the temperature from 0.05 to 20 with the lowest cross-entropy.

    Above 1 the model is overconfident. The probabilities (n, num_classes) are of images that were
    not used for training.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(scaled[rows, labels], _TINY)).mean())

    bounds = np.log([_MIN_TEMPERATURE, _MAX_TEMPERATURE])
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def apply_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Divide the logits of probabilities (n, num_classes) by a temperature greater than 0."""
    from scipy.special import softmax

    logits = np.log(np.maximum(probabilities.astype(np.float64), _TINY))
    scaled: Floats = softmax(logits / temperature, axis=1)
    return scaled


def read_scaled(path: Path, num_classes: int, temperature: float) -> Predictions:
    """Read a predictions table and divide the logits by a temperature."""
    return join(
        of_block(replace(block, probabilities=scaled.astype(np.float32)))
        for block in read_blocks(path, num_classes)
        for scaled in [apply_temperature(block.probabilities, temperature)]
    )


def _predict_validation(tested: ModelUnderTest) -> tuple[Floats, Labels]:
    """Predict validation images, evenly spaced over the split; return their labels as well."""
    split = tested.arrays.splits["validation"]
    predict, images = tested.fastest("validation")
    count = min(len(images), tested.limits.temperature)
    rows = np.linspace(0, len(images) - 1, count).astype(np.int64)
    labels = read_split_labels(tested.workspace, split)[rows]
    steps = range(0, count, tested.batch_size)
    probabilities = [predict(images[rows[start : start + tested.batch_size]]) for start in steps]
    return np.concatenate(probabilities), labels
