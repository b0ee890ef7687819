"""95 % confidence intervals."""

import math

import numpy as np
from numpy.typing import NDArray

from sightline.records import Interval

_NORMAL = 1.959963984540054  # 97.5 % quantile of the normal distribution
_RESAMPLES = 1000


def wilson(successes: int, total: int) -> Interval | None:
    """Return the 95 % Wilson score interval of a proportion; None where the total is 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    `scipy.stats` has it, too, but takes a second to import.
    """
    if not total:
        return None
    size = total + _NORMAL**2
    middle = (successes + _NORMAL**2 / 2) / size
    half = _NORMAL / size * math.sqrt(successes * (total - successes) / total + _NORMAL**2 / 4)
    # Exact where rounding would exclude the proportion itself
    return middle - half if successes else 0.0, middle + half if successes < total else 1.0


def difference(
    share: float, interval: Interval, other: float, other_interval: Interval
) -> tuple[float, float]:
    """Return the 95 % interval of `share - other`, of independent samples, each with its interval.

    Method 10 of R. Newcombe, "Interval estimation for the difference between independent
    proportions" (1998), from Wilson score intervals.
    """
    below = math.hypot(share - interval[0], other_interval[1] - other)
    above = math.hypot(interval[1] - share, other - other_interval[0])
    return share - other - below, share - other + above


def means_of_classes(confusion: NDArray[np.int64]) -> dict[str, Interval]:
    """Return the percentile bootstrap intervals of balanced accuracy and macro F1 by name.

    Resamples the images (Efron, 1979) of a confusion matrix of counts, shape (n, n), label by
    prediction. Returns none without a mistake: no resample has one then.
    """
    labels, predicted = np.nonzero(confusion)
    counts, classes = confusion[labels, predicted], len(confusion)
    right = labels == predicted
    if right.all():
        return {}
    total, rng, found = counts.sum(), np.random.default_rng(0), []
    for drawn in (rng.multinomial(total, counts / total) for _ in range(_RESAMPLES)):
        support, assigned, hits = (
            np.bincount(numbers, weights, classes)
            for numbers, weights in ((labels, drawn), (predicted, drawn), (labels, drawn * right))
        )
        tested = support > 0
        f1 = 2 * hits[tested] / (support + assigned)[tested]
        found.append(((hits[tested] / support[tested]).mean(), f1.mean()))
    low, high = np.quantile(found, (0.025, 0.975), axis=0).tolist()
    return dict(zip(("balanced accuracy", "macro F1"), zip(low, high, strict=True), strict=True))


def mean(values: NDArray[np.float64]) -> Interval | None:
    """Return the interval of the mean of values of at least 0, shape (n,), by the normal law.

    None for fewer than two values, or infinite ones.
    """
    if len(values) < 2:  # noqa: PLR2004 - a deviation needs two
        return None
    middle = float(values.mean())
    half = _NORMAL * float(values.std(ddof=1)) / math.sqrt(len(values))
    return (max(0.0, middle - half), middle + half) if math.isfinite(half) else None
