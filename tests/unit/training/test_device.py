import pytest

from sightline.config import TrainingConfig
from sightline.training import device


@pytest.mark.parametrize(
    ("setting", "field", "expected"),
    [
        ("ghost_batches", "threads", {1: None, 2: 4, 3: 2, 64: 1}),  # each has its share of cores
        ("device", "use_gpu", {"auto": True, "cpu": False, "gpu": True}),
        ("deterministic", "deterministic", {None: False, False: False, True: True}),
    ],
)
def test_keras_process_is_started_as_the_training_needs_it(setting, field, expected, monkeypatch):
    monkeypatch.setattr(device, "cores", lambda: 8)
    for value, wanted in expected.items():
        training = TrainingConfig.model_validate({"epochs": 1, setting: value})
        assert getattr(device.process_settings(training), field) == wanted
