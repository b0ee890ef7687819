import math
from functools import partial

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

from sightline.evaluation.intervals import mean, means_of_classes, wilson


@pytest.mark.parametrize(
    ("successes", "total", "published"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0000, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        # the tutorial's result, by hand from Wilson's formula
        (9_852, 10_000, (0.98264, 0.98739)),
        (0, 0, None),
    ],
)
def test_interval_agrees_with_published_values(successes, total, published):
    assert wilson(successes, total) == pytest.approx(published, abs=6e-5)


def test_interval_is_that_of_scipy():
    for successes, total in ((0, 7), (1, 7), (7, 7), (40, 40), (9_852, 10_000)):
        found = binomtest(successes, total).proportion_ci(0.95, method="wilson")
        assert wilson(successes, total) == pytest.approx((found.low, found.high), abs=1e-12)
        low, high = wilson(successes, total)
        assert low <= successes / total <= high


def test_intervals_of_means_of_classes_are_those_of_resampled_images():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 120)
    predicted = np.where(rng.random(120) < 0.8, labels, rng.integers(0, 4, 120))
    found = means_of_classes(confusion_matrix(labels, predicted))
    rows = rng.integers(0, 120, (400, 120))
    for name, measure in (
        ("balanced accuracy", balanced_accuracy_score),
        ("macro F1", partial(f1_score, average="macro")),
    ):
        resampled = [measure(labels[row], predicted[row]) for row in rows]
        expected = np.quantile(resampled, (0.025, 0.975))
        assert found[name] == pytest.approx(expected, abs=0.015)
    assert means_of_classes(np.diag([5, 0, 3])) == {}


def test_interval_of_a_mean_ends_at_zero_and_needs_two_values():
    half = 1.959964 * math.sqrt(2) / math.sqrt(2)
    assert mean(np.array([0.0, 2.0])) == (0, pytest.approx(1 + half, abs=1e-6))
    assert mean(np.array([0.5])) is None
    assert mean(np.array([0.0, np.nan])) is None
