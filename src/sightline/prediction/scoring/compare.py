"""Compare a sample of scored images with the sample of test images that the model carries.

Both are random samples of at most 1,000 images. If the scored images are like the test images, each
test alarms with at most its stated probability, and all together with at most the false alarm rate
(S. Holm, "A simple sequentially rejective multiple test procedure", 1979).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import MonitoringConfig
from sightline.evaluation.profile_sample import Sample
from sightline.records import DriftMeasure
from sightline.records.scoring import MeasureName

Floats = NDArray[np.floating[Any]]

_RESOLUTION = 4  # The smallest p-value is so many times smaller than what the first test needs
_BATCH = 500  # Permutations at once


def compare(found: Sample, tested: Sample, settings: MonitoringConfig) -> tuple[DriftMeasure, ...]:
    """Return all measures; features are left out if the network gives others now.

    One image alone cannot be compared: then there are none.
    """
    if min(len(found.predicted), len(tested.predicted)) < 2:  # noqa: PLR2004
        return ()
    shift = settings.least_shift
    names: tuple[MeasureName, ...] = ("brightness", "contrast", "confidence")
    results: dict[MeasureName, tuple[float, float, float]] = {
        name: (*_distributions(getattr(found, name), getattr(tested, name)), shift)
        for name in names
    }
    permutations = math.ceil(_RESOLUTION * (len(names) + 2) / settings.false_alarm_rate)
    classes = _classes(found.predicted, tested.predicted, permutations)
    results["classes"] = (*classes, shift)
    if found.features.shape[1] == tested.features.shape[1]:
        features = _features(found.features, tested.features, permutations)
        results["features"] = (*features, settings.least_distance)
    adjusted = holm([p_value for _, p_value, _ in results.values()])
    return tuple(
        DriftMeasure(
            name=name,
            size=size,
            limit=limit,
            p_value=p_value,
            drift=p_value <= settings.false_alarm_rate and size >= limit,
        )
        for (name, (size, _, limit)), p_value in zip(results.items(), adjusted, strict=True)
    )


def holm(p_values: list[float]) -> list[float]:
    """Adjust the p-values of several tests so that each may be compared with the common rate."""
    order = np.argsort(p_values)
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(np.minimum(1, factors * np.array(p_values)[order]))
    return [float(one) for one in adjusted]


def _distributions(found: Floats, tested: Floats) -> tuple[float, float]:
    """Return the largest difference of two cumulative distributions, and its p-value."""
    from scipy.stats import ks_2samp

    result = ks_2samp(found, tested, method="asymp")
    return float(result.statistic), float(result.pvalue)


def _classes(
    found: NDArray[np.int64], tested: NDArray[np.int64], permutations: int
) -> tuple[float, float]:
    """Return the total variation distance of two class mixes, less what chance explains."""
    classes, numbers = np.unique(np.concatenate([found, tested]), return_inverse=True)
    one_hot = np.eye(len(classes))[numbers]
    total = one_hot.sum(axis=0)

    def distance(rows: Floats) -> Floats:
        counts, size = rows @ one_hot, len(found)
        gaps = np.abs(counts / size - (total - counts) / (len(numbers) - size))
        halves: Floats = gaps.sum(axis=-1) / 2
        return halves

    size, p_value, by_chance = _permuted(distance, len(found), len(tested), permutations)
    return max(0.0, size - by_chance), p_value


def _features(found: Floats, tested: Floats, permutations: int) -> tuple[float, float]:
    """Return the energy distance of two sets of points as a share of their mean distance, and p.

    G. Szekely and M. Rizzo, "Energy statistics: a class of statistics based on distances" (2013);
    without the distances of points from themselves, so that it is 0 on average by chance.
    """
    from scipy.spatial.distance import cdist

    points = np.concatenate([found, tested]).astype(np.float64)
    distances = cdist(points, points)
    sums, total = distances.sum(axis=0), distances.sum()
    one, other = len(found), len(tested)

    def energy(rows: Floats) -> Floats:
        within = ((rows @ distances) * rows).sum(axis=-1)
        between = rows @ sums - within
        within_other = total - within - 2 * between
        mean = 2 * between / (one * other)
        inside = within / (one * (one - 1)) + within_other / (other * (other - 1))
        share: Floats = (mean - inside) / np.maximum(mean, np.finfo(np.float64).tiny)
        return share

    size, p_value, _ = _permuted(energy, one, other, permutations)
    return min(1.0, max(0.0, size)), p_value


def _permuted(
    statistic: Callable[[Floats], Floats], one: int, other: int, permutations: int
) -> tuple[float, float, float]:
    """Test whether two samples could be exchanged, by a statistic of the rows of the first.

    The statistic takes 1 for each row of the first sample and 0 for the others, of shape (...,
    one + other). Returns it, its p-value and its mean over the permutations.
    """
    from scipy.stats import permutation_test

    def of_rows(first: NDArray[np.int64], _: object, axis: int) -> Floats:
        rows = np.zeros((*first.shape[:-1], one + other))
        np.put_along_axis(rows, first, 1.0, axis=-1)
        return statistic(rows)

    places = np.arange(one + other)
    result = permutation_test(
        (places[:one], places[one:]),
        of_rows,
        n_resamples=permutations,
        batch=_BATCH,
        vectorized=True,
        alternative="greater",
        axis=-1,
        rng=0,
    )
    found = result.statistic, result.pvalue, result.null_distribution.mean()
    return float(found[0]), float(found[1]), float(found[2])
