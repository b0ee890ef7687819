"""Whether the probabilities can be believed, and the temperature that would mend them.

After C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks",
2017.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.records import ReliabilityBin

Floats = NDArray[np.floating[Any]]

_LOWEST, _HIGHEST = 0.05, 20.0
"""Temperatures beyond these come of too few images, or of none that is wrong."""


def reliability(
    confidences: Floats, right: NDArray[np.bool_], bins: int
) -> tuple[tuple[ReliabilityBin, ...], float]:
    """Compare confidence and accuracy, bin by bin.

    Args:
        confidences: Highest probability of each image, shape (n,), in [0, 1].
        right: Whether that class is the label, shape (n,).
        bins: Number of bins (low, high] of equal width.

    Returns:
        The bins, and the expected calibration error, in [0, 1].
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)
    confidence = np.bincount(place, weights=confidences, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    error = np.abs(hits - confidence).sum() / len(confidences)
    return tuple(
        ReliabilityBin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            images=int(count),
            confidence=float(confidence[number] / count) if count else None,
            accuracy=float(hits[number] / count) if count else None,
        )
        for number, count in enumerate(images)
    ), float(error)


def fit_temperature(probabilities: Floats, labels: NDArray[np.integer[Any]]) -> float:
    """Find the temperature with the lowest cross-entropy.

    Args:
        probabilities: Of shape (n, num_classes), of images that were not trained on.
        labels: Shape (n,), values from 0 to num_classes - 1.

    Returns:
        From 0.05 to 20; above 1 the probabilities are too sure.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(exponent: float) -> float:
        scaled = apply_temperature(probabilities, float(np.exp(exponent)))
        return float(-np.log(np.maximum(scaled[rows, labels], _tiny())).mean())

    bounds = (float(np.log(_LOWEST)), float(np.log(_HIGHEST)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def apply_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Divide the logits by a temperature.

    Args:
        probabilities: Of shape (n, num_classes); their logarithms are logits.
        temperature: More than 0; 1 changes nothing.

    Returns:
        Probabilities of the same shape, float64.
    """
    from scipy.special import softmax

    logits = np.log(np.maximum(probabilities.astype(np.float64), _tiny()))
    scaled: Floats = softmax(logits / temperature, axis=1)
    return scaled


def _tiny() -> float:
    """Return the smallest probability that float32 holds in full; 0 has no logarithm."""
    return float(np.finfo(np.float32).tiny)
