"""Statistics of two models on the same images: only those that one has right count.

Fixed are the images that the champion has wrong and the candidate right, broken the reverse.
"""

import math
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Count = TypeVar("Count")

RESAMPLES = 10_000
_SEED = 0
_MOST_IMAGES = 10**9
"""A test split that nobody will ever have."""

_HALVINGS = 40
"""Of the interval in which an end lies: to 12 digits."""

_TINY = 1e-12


class Pairs(NamedTuple, Generic[Count]):
    """How many images are fixed, how many broken, and how many there are in all."""

    fixed: Count
    broken: Count
    images: Count


def mcnemar(fixed: int, broken: int) -> float:
    """Test whether the candidate is better, exactly and one-sided.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages" (1947). If it is not better, an image on which the two differ is fixed with
    probability 1/2 or less.

    Args:
        fixed: Number of fixed images.
        broken: Number of broken images.

    Returns:
        Probability of so many fixed ones or more, in (0, 1].
    """
    from scipy.stats import binomtest

    if not fixed + broken:
        return 1.0
    return float(binomtest(fixed, fixed + broken, alternative="greater").pvalue)


def bootstrap(pairs: Pairs[int], alpha: float) -> tuple[float, float]:
    """Resample the images and return the percentile interval of the difference of accuracies.

    B. Efron and R. Tibshirani, "An introduction to the bootstrap" (1993), chapter 13. To draw n
    images with replacement and count the fixed, broken and other ones is to draw these counts from
    a multinomial distribution, which takes no time.

    Args:
        pairs: The counts; at least one image.
        alpha: Share of the resamples beyond each end, in (0, 0.5).

    Returns:
        Both ends, in [-1, 1]; equal counts give equal ends.
    """
    shares = [pairs.fixed / pairs.images, pairs.broken / pairs.images]
    drawn = np.random.default_rng(_SEED).multinomial(
        pairs.images, [*shares, max(0.0, 1 - sum(shares))], RESAMPLES
    )
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [alpha, 1 - alpha]) / pairs.images
    return float(low), float(high)


def lower_ends(pairs: Pairs[Any], alpha: float) -> NDArray[np.float64]:
    """Return the lower ends of one-sided 1 - alpha intervals of differences of paired shares.

    The smallest difference that Tango's score test does not reject (see `score`). The adjusted
    Wald interval of D. G. Bonett and R. M. Price (2012) is simpler, but where few images differ its
    lower end lies above the true difference in up to 8 of 100 cases instead of 5; this one mostly
    in fewer than 5, in 7 at worst.

    Args:
        pairs: Counts, or arrays of counts of the same shape.
        alpha: In (0, 0.5).

    Returns:
        Of the shape of the counts, in [-1, 1]; -1 where there are no images.
    """
    from scipy.special import ndtri

    quantile = ndtri(1 - alpha)
    low = np.full(np.shape(pairs.images), -1.0)
    high = (np.asarray(pairs.fixed) - np.asarray(pairs.broken)) / np.maximum(pairs.images, 1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_above = score(pairs, middle) > quantile
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return low


def score(pairs: Pairs[Any], difference: Any) -> NDArray[np.float64]:
    """Compute the score statistic of a difference of paired shares; standard normal if it is true.

    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17 (1998).

    Args:
        pairs: Counts, or arrays of counts.
        difference: Of the share of the fixed and that of the broken images, in (-1, 1).

    Returns:
        Above 0 where more is seen; 0 where there are no images.
    """
    fixed, broken, images = (np.asarray(counts, dtype=np.float64) for counts in pairs)
    # The share of the broken images that is most likely, given the difference
    linear = (2 * images - fixed + broken) * difference - fixed - broken
    constant = -broken * difference * (1 - difference)
    root = np.sqrt(np.maximum(linear**2 - 8 * images * constant, 0))
    share = (root - linear) / np.maximum(4 * images, 1)
    variance = images * (2 * share + difference * (1 - difference))
    excess = fixed - broken - images * difference
    found: NDArray[np.float64] = excess / np.sqrt(np.maximum(variance, _TINY))
    return found


def images_to_tell(pairs: Pairs[int], alpha: float, margin: float) -> int | None:
    """Estimate how many images would rule out a loss, if they came out like those that are there.

    Args:
        pairs: The counts.
        alpha: As for `lower_ends`.
        margin: The loss that is to be ruled out, in (0, 1].

    Returns:
        None where more images would not help, since so much was lost on those that are there.
    """
    from scipy.special import ndtri

    fixed, broken = (count / max(1, pairs.images) for count in (pairs.fixed, pairs.broken))

    def suffice(images: int) -> bool:
        pairs = Pairs(fixed * images, broken * images, images)
        return bool(score(pairs, -margin) > ndtri(1 - alpha))

    if not suffice(_MOST_IMAGES):
        return None
    too_few, enough = 0, _MOST_IMAGES
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if suffice(middle) else (middle, enough)
    return enough


def images_to_show(pairs: Pairs[int], alpha: float) -> int | None:
    """Estimate how many images would show that the candidate is better, if it is as it looks.

    With the normal approximation of McNemar's test, which its exact form follows with Edwards'
    correction (1948): n such that n (f - b) - 1 = z sqrt(n (f + b)), where f and b are the shares
    of the fixed and the broken images.

    Args:
        pairs: The counts of images that do not show it; at least one image.
        alpha: Largest p-value, in (0, 0.5).

    Returns:
        More than there are; None where it does not look better.
    """
    from scipy.special import ndtri

    gain = (pairs.fixed - pairs.broken) / pairs.images
    if gain <= 0:
        return None
    spread = ndtri(1 - alpha) * math.sqrt((pairs.fixed + pairs.broken) / pairs.images)
    root = (spread + math.sqrt(spread**2 + 4 * gain)) / (2 * gain)  # of n
    return max(pairs.images + 1, math.ceil(float(root) ** 2))
