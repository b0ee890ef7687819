import pytest

from sightline.config import TrainingConfig
from sightline.errors import ConfigError
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


@pytest.mark.parametrize(("ghost_batches", "threads"), [(1, 4), (2, 2), (8, 1)])
def test_training_beside_others_uses_its_share_of_the_cores(ghost_batches, threads, monkeypatch):
    monkeypatch.setattr(device, "cores", lambda: 8)
    training = TrainingConfig(epochs=1, ghost_batches=ghost_batches)
    settings = device.process_settings(training, share=4)
    assert (settings.threads, settings.share) == (threads, 4)


@pytest.mark.parametrize(
    ("backend", "nodes", "settings", "expected"),
    [
        ("torch", 1, {"devices": "all"}, r"the backend torch .* one device; set it to 1"),
        ("tensorflow", 1, {"devices": 2, "precision": "float16"}, r"float16.*KERAS_BACKEND=jax"),
        ("tensorflow", 1, {"devices": 2, "clip_norm": 1}, r"clip_norm.*training\.devices=1"),
        ("tensorflow", 2, {"devices": 2}, r"SIGHTLINE_NODES is 2.*KERAS_BACKEND=jax"),
        ("jax", 2, {}, r"SIGHTLINE_NODES is 2.*training\.devices=\"all\""),
    ],
)
def test_backend_that_cannot_share_batches_is_refused(
    backend, nodes, settings, expected, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    for name, value in {"NODES": nodes, "NODE_RANK": 0, "RENDEZVOUS": "localhost:1"}.items():
        monkeypatch.setenv(f"SIGHTLINE_{name}", str(value))
    training = TrainingConfig.model_validate({"epochs": 1, **settings})
    with pytest.raises(ConfigError, match=expected):
        device.check_parallel(training)


def test_backends_that_can_share_batches_are_accepted(monkeypatch):
    clipped = TrainingConfig(epochs=1, devices=2, precision="float16", clip_norm=1)
    for backend, training in (
        ("jax", clipped),
        ("tensorflow", TrainingConfig(epochs=1, devices="all")),
        ("torch", TrainingConfig(epochs=1)),
    ):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        device.check_parallel(training)


DEPLOYED = {"nodes": 2, "devices": "all", "deployment": "fit/fit-node"}


@pytest.mark.parametrize(
    ("backend", "changes", "expected"),
    [
        ("jax", {"deployment": None}, r"nodes is 2, .*deployment is unset.*\"fit/fit-node\""),
        ("jax", {"devices": 1}, r"training\.devices is 1.*devices=\"all\""),
        ("tensorflow", {}, r"the backend tensorflow; .*KERAS_BACKEND=jax"),
    ],
)
def test_nodes_that_cannot_be_started_are_refused(backend, changes, expected, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    training = TrainingConfig.model_validate({"epochs": 1, **DEPLOYED, **changes})
    with pytest.raises(ConfigError, match=expected):
        device.prepare_process(training)


def test_nodes_of_a_deployment_need_nothing_here(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    device.prepare_process(TrainingConfig.model_validate({"epochs": 1, **DEPLOYED}))
