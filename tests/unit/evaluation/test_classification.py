import numpy as np
import pytest

from sightline.evaluation import classification
from sightline.evaluation.predictions import Predictions


def measure(label, predicted):
    label, predicted = np.array(label), np.array(predicted)
    half = np.full(len(label), 0.5, np.float32)
    rank = (label != predicted).astype(np.int64)
    found = Predictions(np.arange(len(label)), label, predicted, half, half, rank)
    return classification.measure(found, ("a", "b"))


def test_matthews_correlation_and_kappa_follow_their_formulas():
    # Six true and one false positive, three true and two false negatives.
    found = measure([1] * 6 + [0] + [0] * 3 + [1] * 2, [1] * 7 + [0] * 5)
    assert found["matthews"] == pytest.approx((6 * 3 - 1 * 2) / np.sqrt(7 * 8 * 4 * 5))
    chance = (8 * 7 + 4 * 5) / 12**2
    assert found["kappa"] == pytest.approx((9 / 12 - chance) / (1 - chance))


def test_model_that_predicts_one_class_has_no_skill():
    found = measure([0, 1, 1], [1, 1, 1])
    assert (found["matthews"], found["kappa"]) == (0, 0)


def test_one_class_alone_cannot_be_compared_with_chance():
    assert not {"matthews", "kappa"} & measure([1, 1], [1, 1]).keys()
