import numpy as np
import pytest

from sightline.evaluation.selective import THRESHOLDS, accuracy_at_coverage


def test_abstaining_below_a_probability_leaves_the_sure_ones() -> None:
    confidences = np.array([0.4, 0.65, 0.92, 0.9991])
    right = np.array([False, True, False, True])
    points = {point.threshold: point for point in accuracy_at_coverage(confidences, right)}
    assert (points[0.0].coverage, points[0.0].accuracy) == (1.0, 0.5)
    assert (points[0.5].coverage, points[0.5].accuracy) == (0.75, pytest.approx(2 / 3))
    assert (points[0.9].coverage, points[0.9].accuracy) == (0.5, 0.5)
    assert (points[0.999].coverage, points[0.999].accuracy) == (0.25, 1.0)
    assert max(points) == 0.999, "nothing is as sure as 0.9999"
    assert list(points) == [threshold for threshold in THRESHOLDS if threshold <= 0.999]
