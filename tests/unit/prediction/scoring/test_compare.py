"""The stated rate of false alarms is kept, and a stated shift is found."""

import numpy as np
import pytest
from scipy.stats import binom

from sightline.config import MonitoringConfig
from sightline.evaluation.profile_sample import Sample
from sightline.prediction.scoring.compare import compare, holm

STRICT = MonitoringConfig(false_alarm_rate=0.05, least_shift=0, least_distance=0)


def sample(rng, count, *, shift=0.0, more=0.0, width=8):
    """Draw images; `shift` moves features by standard deviations, `more` adds to a class."""
    shares = np.full(5, (1 - more) / 5)
    shares[0] += more
    return Sample(
        rng.choice(5, count, p=shares),
        rng.beta(8, 1, count).astype(np.float32),
        rng.normal(100, 20, count).astype(np.float32),
        rng.normal(50, 5, count).astype(np.float32),
        rng.normal(shift, 1, (count, width)).astype(np.float32),
    )


def drifted(found, tested, settings):
    return {one.name for one in compare(found, tested, settings) if one.drift}


def test_false_alarms_of_all_measures_together_are_as_rare_as_stated():
    rng, repeats = np.random.default_rng(0), 100
    alarms = sum(bool(drifted(sample(rng, 60), sample(rng, 100), STRICT)) for _ in range(repeats))
    assert alarms <= binom.ppf(0.999, repeats, STRICT.false_alarm_rate)
    assert alarms > 0, "the tests can alarm at all"


@pytest.mark.parametrize(
    ("change", "name"), [({"shift": 0.6}, "features"), ({"more": 0.3}, "classes")]
)
def test_shift_of_that_size_is_found(change, name):
    rng, settings = np.random.default_rng(1), MonitoringConfig()
    for _ in range(3):
        assert name in drifted(sample(rng, 400, **change), sample(rng, 400), settings)


def test_shift_that_is_certain_but_small_does_not_alarm():
    rng = np.random.default_rng(2)
    found, tested = sample(rng, 1000, shift=0.2, more=0.05), sample(rng, 1000)
    measures = {one.name: one for one in compare(found, tested, MonitoringConfig())}
    assert measures["features"].p_value < 0.01
    assert 0 < measures["features"].size < measures["features"].limit
    assert not any(one.drift for one in measures.values())


def test_many_classes_are_not_far_apart_by_chance():
    rng = np.random.default_rng(3)
    found, tested = (sample(rng, 500)._replace(predicted=rng.choice(200, 500)) for _ in range(2))
    (classes,) = (one for one in compare(found, tested, STRICT) if one.name == "classes")
    assert classes.size < 0.02
    assert classes.p_value > 0.05


def test_features_of_another_width_are_left_out():
    rng = np.random.default_rng(4)
    measures = compare(sample(rng, 60, width=4), sample(rng, 60), MonitoringConfig())
    assert [one.name for one in measures] == ["brightness", "contrast", "confidence", "classes"]


@pytest.mark.filterwarnings("error")
def test_test_split_of_one_image_is_not_compared_and_of_two_is():
    rng = np.random.default_rng(5)
    assert compare(sample(rng, 60), sample(rng, 1), MonitoringConfig()) == ()
    measures = compare(sample(rng, 60), sample(rng, 2), MonitoringConfig())
    assert np.isfinite([one.p_value for one in measures]).all()


def test_p_values_are_adjusted_as_holm_describes():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
