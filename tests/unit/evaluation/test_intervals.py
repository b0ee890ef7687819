import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from sightline.evaluation.intervals import macro_f1, mean, mean_proportion, wilson


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


def test_mean_of_proportions_agrees_with_the_published_interval_of_a_difference():
    # Newcombe, "Interval estimation for the difference between independent proportions" (1998),
    # table II, method 10: 56/70 - 48/80 is between 0.0524 and 0.3339. The mean of 56/70 and 32/80
    # is half of 1 + the difference.
    known = [(hits / total, wilson(hits, total)) for hits, total in ((56, 70), (32, 80))]
    assert mean_proportion(known) == pytest.approx((1.0524 / 2, 1.3339 / 2), abs=6e-5)
    assert mean_proportion(known[:1]) == pytest.approx(known[0][1])


def test_interval_of_the_macro_f1_is_that_of_resampled_images():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 120)
    predicted = np.where(rng.random(120) < 0.8, labels, rng.integers(0, 4, 120))
    confusion = np.histogram2d(labels, predicted, bins=range(5))[0].astype(np.int64)
    rows = rng.integers(0, 120, (400, 120))
    resampled = [f1_score(labels[row], predicted[row], average="macro") for row in rows]
    expected = np.quantile(resampled, (0.025, 0.975))
    assert macro_f1(confusion) == pytest.approx(expected, abs=0.015)
    assert macro_f1(np.diag([5, 0, 3])) is None


def test_interval_of_a_mean_ends_at_zero_and_needs_two_values():
    half = 1.959964 * math.sqrt(2) / math.sqrt(2)
    assert mean(np.array([0.0, 2.0])) == (0, pytest.approx(1 + half, abs=1e-6))
    assert mean(np.array([0.5])) is None
    assert mean(np.array([0.0, np.nan])) is None
