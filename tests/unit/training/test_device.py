import pytest

from sightline.config import TrainingConfig
from sightline.training import device


def test_operations_keep_to_the_cores_of_their_ghost_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "cores", lambda: 8)
    settings = [
        device.process_settings(TrainingConfig(epochs=1, ghost_batches=count))
        for count in (1, 2, 3, 64)
    ]
    assert [one.threads for one in settings] == [None, 4, 2, 1]


def test_gpu_is_hidden_only_from_a_training_on_the_cpu() -> None:
    found = {
        wanted: device.process_settings(TrainingConfig(epochs=1, device=wanted)).use_gpu
        for wanted in ("auto", "cpu", "gpu")
    }
    assert found == {"auto": True, "cpu": False, "gpu": True}


def test_keras_process_is_told_of_determinism_only_if_the_training_asks_for_it() -> None:
    found = {
        wanted: device.process_settings(
            TrainingConfig(epochs=1, deterministic=wanted)
        ).deterministic
        for wanted in (None, False, True)
    }
    assert found == {None: False, False: False, True: True}
