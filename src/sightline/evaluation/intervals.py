"""Confidence intervals of proportions."""

from sightline.records import Interval


def wilson(successes: int, total: int) -> Interval | None:
    """Return the 95 % Wilson score interval of a proportion; None where the total is 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    if not total:
        return None
    from scipy.stats import binomtest

    interval = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
