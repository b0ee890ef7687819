import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from sightline.evaluation.calibration import apply_temperature, fit_temperature, reliability


def test_bins_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    confidences = generator.uniform(0.3, 1, 4000).astype(np.float32)
    correct = generator.random(4000) < confidences**2
    bins, _ = reliability(confidences, correct, 15)
    accuracy, confidence = calibration_curve(correct, confidences, n_bins=15)
    filled = [found for found in bins if found.images]
    assert [found.accuracy for found in filled] == pytest.approx(accuracy.tolist())
    assert [found.confidence for found in filled] == pytest.approx(confidence.tolist())
    assert sum(found.images for found in bins) == len(correct)


def test_error_is_that_of_the_published_formula():
    # Guo et al. (2017), equation 3, on two bins by hand: |1/2 - 0.6| * 2/5 + |1 - 0.9| * 3/5
    confidences = np.array([0.55, 0.65, 0.85, 0.9, 0.95])
    correct = np.array([True, False, True, True, True])
    bins, error = reliability(confidences, correct, 4)
    assert [found.images for found in bins] == [0, 0, 2, 3]
    assert error == pytest.approx(0.1 * 2 / 5 + 0.1 * 3 / 5)


def test_edge_belongs_to_the_lower_bin():
    bins, error = reliability(np.array([1.0, 0.5]), np.array([True, True]), 2)
    assert [found.images for found in bins] == [1, 1]
    assert error == pytest.approx(0.25)
    assert reliability(np.array([1.0]), np.array([True]), 2)[0][0].confidence is None


def test_temperature_agrees_with_scikit_learn():
    generator = np.random.default_rng(1)
    images, labels = generator.normal(size=(3000, 4)), generator.integers(0, 3, 3000)
    images[:, 0] += labels
    classifier = LogisticRegression(C=1e3).fit(images[:60], labels[:60])  # overconfident
    fitted = CalibratedClassifierCV(FrozenEstimator(classifier), method="temperature")
    fitted.fit(images[60:], labels[60:])
    theirs = 1 / fitted.calibrated_classifiers_[0].calibrators[0].beta_
    ours = fit_temperature(classifier.predict_proba(images[60:]), labels[60:])
    assert ours == pytest.approx(theirs, rel=1e-3)
    scaled = apply_temperature(classifier.predict_proba(images[60:]), ours)
    assert scaled == pytest.approx(fitted.predict_proba(images[60:]), abs=1e-3)


def test_probabilities_of_zero_stay_finite():
    probabilities = np.float32([[1, 0, 0]])
    assert apply_temperature(probabilities, 1.0)[0] == pytest.approx([1, 0, 0], abs=1e-30)
    assert np.isfinite(apply_temperature(probabilities, 5.0)).all()
