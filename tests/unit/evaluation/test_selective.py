import numpy as np
import pytest

from sightline.evaluation.selective import THRESHOLDS, accuracy_at_coverage


def test_higher_thresholds_leave_only_confident_predictions():
    confidence = np.array([0.4, 0.65, 0.92, 0.9991])
    correct = np.array([False, True, False, True])
    points = {point.threshold: point for point in accuracy_at_coverage(confidence, correct)}
    assert (points[0.0].coverage, points[0.0].accuracy) == (1.0, 0.5)
    assert (points[0.5].coverage, points[0.5].accuracy) == (0.75, pytest.approx(2 / 3))
    assert (points[0.9].coverage, points[0.9].accuracy) == (0.5, 0.5)
    assert (points[0.999].coverage, points[0.999].accuracy) == (0.25, 1.0)
    assert max(points) == 0.999, "no confidence reaches 0.9999"
    assert list(points) == [threshold for threshold in THRESHOLDS if threshold <= 0.999]
