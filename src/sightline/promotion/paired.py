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

    D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data", Journal of Educational and Behavioral Statistics 37 (2012):
    Wald's interval after one image was added to the fixed and one to the broken ones.

    Args:
        pairs: Counts, or arrays of counts of the same shape.
        alpha: In (0, 0.5).

    Returns:
        Of the shape of the counts; below -1 where there are next to no images.
    """
    from scipy.special import ndtri

    images = np.asarray(pairs.images, dtype=np.float64) + 2
    fixed, broken = (np.asarray(pairs.fixed) + 1) / images, (np.asarray(pairs.broken) + 1) / images
    deviation = np.sqrt((fixed + broken - (fixed - broken) ** 2) / images)
    ends: NDArray[np.float64] = fixed - broken - ndtri(1 - alpha) * deviation
    return ends


def images_to_tell(pairs: Pairs[int], alpha: float, margin: float) -> int | None:
    """Estimate how many images would rule out a loss, if they came out like those that are there.

    Args:
        pairs: The counts.
        alpha: As for `lower_ends`.
        margin: The loss that is to be ruled out, in (0, 1].

    Returns:
        None where more images would not help, since so much was lost on those that are there.
    """
    fixed, broken = (count / max(1, pairs.images) for count in (pairs.fixed, pairs.broken))

    def suffice(images: int) -> bool:
        return bool(lower_ends(Pairs(fixed * images, broken * images, images), alpha) > -margin)

    if not suffice(_MOST_IMAGES):
        return None
    too_few, enough = 0, _MOST_IMAGES
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if suffice(middle) else (middle, enough)
    return enough


def images_to_show(pairs: Pairs[int], alpha: float) -> int | None:
    """Estimate how many images would show that the candidate is better, if it is as it looks.

    With the normal approximation of McNemar's test: n such that n (f - b) = z sqrt(n (f + b)),
    where f and b are the shares of the fixed and the broken images.

    Args:
        pairs: The counts; at least one image.
        alpha: Largest p-value, in (0, 0.5).

    Returns:
        None where it does not look better.
    """
    from scipy.special import ndtri

    gain = pairs.fixed - pairs.broken
    if gain <= 0:
        return None
    needed = ndtri(1 - alpha) ** 2 * (pairs.fixed + pairs.broken) * pairs.images / gain**2
    return math.ceil(needed)
