"""Intervals of shares."""

from sightline.records import Interval


def wilson(right: int, total: int) -> Interval | None:
    """Return the 95 % Wilson score interval of a share.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    Args:
        right: How many of them.
        total: Of how many.

    Returns:
        Both ends in [0, 1]; None where the total is 0.
    """
    if not total:
        return None
    from scipy.stats import binomtest

    interval = binomtest(right, total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
