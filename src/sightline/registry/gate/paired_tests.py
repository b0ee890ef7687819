"""Statistics of two models on the same test images.

Only images that one model has right and the other wrong carry information: "fixed" are those that
the champion has wrong and the candidate right, "broken" the reverse.
"""

import math
from bisect import bisect_left
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Count = TypeVar("Count")

_MAX_IMAGES = 10**9  # more than any test split has
_BISECTIONS = 40  # of the search for an interval's end: exact to 12 digits
_MIN_VARIANCE = 1e-12
_ROUNDING = 1e-9  # of the ends of intervals


class Pairs(NamedTuple, Generic[Count]):
    """Numbers of fixed, broken and all images."""

    fixed: Count
    broken: Count
    images: Count


def mcnemar(fixed: int, broken: int) -> float:
    """Test whether the candidate is better, with McNemar's exact one-sided test.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages" (1947). If the candidate is not better, each image on which the two differ is a
    fixed one with probability 1/2 or less. Returns the p-value: the probability of at least as many
    fixed images, in (0, 1].
    """
    from scipy.stats import binomtest

    if not fixed + broken:
        return 1.0
    return float(binomtest(fixed, fixed + broken, alternative="greater").pvalue)


def interval(pairs: Pairs[int], alpha: float) -> tuple[float, float]:
    """Return both ends of Tango's 1 - 2 alpha interval of the difference of accuracies."""
    swapped = Pairs(pairs.broken, pairs.fixed, pairs.images)
    return float(lower_ends(pairs, alpha)), -float(lower_ends(swapped, alpha))


def lower_ends(pairs: Pairs[Any], alpha: float) -> NDArray[np.float64]:
    """Return the lower ends of one-sided 1 - alpha intervals of differences of paired shares.

    Each is the smallest difference that Tango's score test does not reject (see `score`). The
    adjusted Wald interval of D. G. Bonett and R. M. Price (2012) is simpler, but where few images
    differ its lower end exceeds the true difference in up to 8 of 100 cases instead of 5; this one
    mostly in fewer than 5, at worst in 7.

    Args:
        pairs: Counts, or arrays of counts of the same shape.
        alpha: In (0, 0.5).

    Returns:
        Array of the shape of the counts, in [-1, 1]; -1 where there are no images.
    """
    from scipy.special import ndtri

    quantile = ndtri(1 - alpha)
    low = np.full(np.shape(pairs.images), -1.0)
    high = (np.asarray(pairs.fixed) - np.asarray(pairs.broken)) / np.maximum(pairs.images, 1)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        rejected = score(pairs, middle) > quantile
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low


def losses_to_tell(by_class: Pairs[NDArray[np.int64]], alpha: float, power: float) -> NDArray[Any]:
    """Return the losses of recall that the images of each class can rule out if there is none.

    If no class lost anything, the lower ends at `alpha` of all classes are above these losses with
    the probability `power`: each class may be below with (1 - power) / classes (Bonferroni). As
    many of its images are expected to be broken as of all images, and as many to be fixed; their
    difference is then about normal, with twice that number as variance. If none is broken at all,
    none is expected, and a class of which none is broken is above its loss.

    Returns:
        Array of shape (num_classes,), in [0, 1]; 1 where there are no images.
    """
    from scipy.special import ndtri

    images = by_class.images
    expected = images * (by_class.broken.sum() / max(1, images.sum()))
    unlucky = ndtri(1 - (1 - power) / len(images)) * np.sqrt(2 * expected)
    fixed = np.maximum(expected - unlucky / 2, 0)
    ends = lower_ends(Pairs(fixed, np.minimum(fixed + unlucky, images), images), alpha)
    return np.where(images, _ROUNDING - ends, 1.0)


def score(pairs: Pairs[Any], difference: Any) -> NDArray[np.float64]:
    """Compute the score statistic of a difference of paired shares.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17 (1998).

    Args:
        pairs: Counts, or arrays of counts.
        difference: Hypothetical share of fixed images minus share of broken images, in (-1, 1).

    Returns:
        Standard normal if the hypothesis is true, above 0 if the observed difference is larger; 0
        where there are no images.
    """
    fixed, broken, images = (np.asarray(counts, dtype=np.float64) for counts in pairs)
    # Maximum-likelihood share of the broken images, given the difference
    linear = (2 * images - fixed + broken) * difference - fixed - broken
    constant = -broken * difference * (1 - difference)
    root = np.sqrt(np.maximum(linear**2 - 8 * images * constant, 0))
    share = (root - linear) / np.maximum(4 * images, 1)
    variance = images * (2 * share + difference * (1 - difference))
    excess = fixed - broken - images * difference
    statistic: NDArray[np.float64] = excess / np.sqrt(np.maximum(variance, _MIN_VARIANCE))
    return statistic


def images_to_rule_out(pairs: Pairs[int], alpha: float, margin: float) -> int | None:
    """Estimate how many images would rule out a loss of `margin`, in (0, 1], at level `alpha`.

    The shares observed so far are taken as true; None if their loss is too large.
    """
    from scipy.special import ndtri

    fixed, broken = (count / max(1, pairs.images) for count in (pairs.fixed, pairs.broken))

    def suffice(images: int) -> bool:
        pairs = Pairs(fixed * images, broken * images, images)
        return bool(score(pairs, -margin) > ndtri(1 - alpha))

    needed = bisect_left(range(_MAX_IMAGES), True, key=suffice)
    return needed if needed < _MAX_IMAGES else None


def images_to_show(pairs: Pairs[int], alpha: float) -> int | None:
    """Estimate how many images would show that the candidate is better, given the observed gain.

    Uses the normal approximation of McNemar's test with Edwards' correction (1948), which the
    exact test follows: the n that solves n (f - b) - 1 = z sqrt(n (f + b)), where f and b are the
    shares of fixed and broken images.

    Args:
        pairs: Counts that do not show it; at least one image.
        alpha: Largest p-value, in (0, 0.5).

    Returns:
        More images than there are; None if there is no gain.
    """
    from scipy.special import ndtri

    gain = (pairs.fixed - pairs.broken) / pairs.images
    if gain <= 0:
        return None
    spread = ndtri(1 - alpha) * math.sqrt((pairs.fixed + pairs.broken) / pairs.images)
    root = (spread + math.sqrt(spread**2 + 4 * gain)) / (2 * gain)  # of n
    return max(pairs.images + 1, math.ceil(float(root) ** 2))
