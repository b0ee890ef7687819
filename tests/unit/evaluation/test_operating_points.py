import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, precision_score, recall_score

from sightline.evaluation import operating_points

POSITIVE = np.arange(60) % 5 == 0
DRAWN = np.random.default_rng(0).normal(size=60) + 3 * POSITIVE
SCORES = (1 / (1 + np.exp(-DRAWN))).astype(np.float32)


def at_least(threshold):
    return np.greater_equal(SCORES, np.float32(threshold))


def find(positive, scores):
    precisions, recalls, thresholds = precision_recall_curve(positive, scores)
    points = operating_points.find("rare", precisions[:-1], recalls[:-1], thresholds)
    return {(point.goal, point.target): point for point in points}


def test_points_have_the_precision_and_recall_that_scikit_learn_measures_at_their_threshold():
    found = find(POSITIVE, SCORES)
    targets = operating_points.TARGETS
    assert [*found] == [(goal, one) for goal in ("recall", "precision") for one in targets]
    for point in found.values():
        predicted = at_least(point.threshold)
        assert point.precision == pytest.approx(precision_score(POSITIVE, predicted))
        assert point.recall == pytest.approx(recall_score(POSITIVE, predicted))


def test_no_other_threshold_is_better():
    for (goal, target), point in find(POSITIVE, SCORES).items():
        measured = [
            (recall_score(POSITIVE, at_least(one)), precision_score(POSITIVE, at_least(one)))
            for one in SCORES
        ]
        pairs = measured if goal == "recall" else [pair[::-1] for pair in measured]
        best = max(other for reached, other in pairs if reached >= target)
        assert best == pytest.approx(point.precision if goal == "recall" else point.recall)


def test_precision_that_no_threshold_reaches_is_left_out():
    scores = np.array([0.9, 0.8, 0.7, 0.2], dtype=np.float32)
    found = find(np.array([False, True, False, False]), scores)
    assert {goal for goal, _ in found} == {"recall"}
    point = found["recall", 0.99]
    assert (point.threshold, point.precision, point.recall) == (pytest.approx(0.8), 0.5, 1)


def test_of_equal_points_the_one_that_surpasses_the_target_most_is_taken():
    positive = np.array([True, True, False, False])
    found = find(positive, np.array([0.9, 0.8, 0.3, 0.1], dtype=np.float32))
    assert [point.threshold for point in found.values()] == pytest.approx([0.8] * 6)
