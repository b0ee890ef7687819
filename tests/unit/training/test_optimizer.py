import pytest

from sightline.config import TrainingConfig
from sightline.training.optimizer import build_optimizer, learning_rate


def settings(**changes):
    return TrainingConfig.model_validate({"epochs": 1, "learning_rate": 0.02, **changes})


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", {0: 0.02, 12: 0.01, 24: 0.0}),
        ("one-cycle", {0: 0.0, 3: 0.01, 6: 0.02, 15: 0.01, 24: 0.0}),
    ],
)
def test_schedule_ends_at_zero(schedule, expected):
    rate = learning_rate(settings(schedule=schedule), steps=24)
    assert not isinstance(rate, float)
    assert {step: float(rate(step)) for step in expected} == pytest.approx(expected)
    assert learning_rate(settings(), steps=24) == 0.02


def test_weight_decay_is_optional():
    assert build_optimizer(settings(), 24).weight_decay is None
    assert build_optimizer(settings(weight_decay=0.1), 24).weight_decay == 0.1
