import pytest

from sightline.config import TrainingConfig
from sightline.training.learning_rate import learning_rate


def settings(**changes):
    return TrainingConfig.model_validate({"epochs": 1, "learning_rate": 0.02, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schedule": "linear"}, {0: 0.02, 6: 0.015, 24: 0.0, 30: 0.0}),
        ({"schedule": "linear", "warmup": 0.25}, {0: 0.0, 3: 0.01, 6: 0.02, 15: 0.01, 24: 0.0}),
        ({"schedule": "cosine"}, {0: 0.02, 12: 0.01, 24: 0.0}),
        ({"schedule": "one-cycle"}, {0: 0.0, 3: 0.01, 6: 0.02, 15: 0.01, 24: 0.0}),
        ({"schedule": "one-cycle", "warmup": 0.0}, {0: 0.02, 12: 0.01, 24: 0.0}),
        ({"schedule": "cosine", "warmup": 0.5}, {0: 0.0, 6: 0.01, 12: 0.02, 18: 0.01, 24: 0.0}),
        ({"warmup": 0.25}, {0: 0.0, 3: 0.01, 6: 0.02, 15: 0.02, 24: 0.02}),
    ],
)
def test_schedule_rises_and_ends_as_configured(changes, expected):
    rate = learning_rate(settings(**changes), steps=24)
    assert not isinstance(rate, float)
    assert {step: float(rate(step)) for step in expected} == pytest.approx(expected)
    assert learning_rate(settings(), steps=24) == 0.02
