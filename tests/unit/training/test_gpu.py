from collections.abc import Callable
from types import SimpleNamespace

import pynvml
import pytest

from sightline.errors import DeviceError
from sightline.training import gpu

MEMORY = 80 << 30


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch):
    """Answers as NVIDIA's library gives them on a machine with two GPUs."""
    answers: dict[str, Callable[..., object]] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "570.86",
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda handle: f"Model {handle}",
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}aaa-bbb",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=MEMORY),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_gpus_are_listed_and_hidden_ones_are_an_error_that_names_the_variable(monkeypatch):
    found = gpu.require()
    expected = [(f"Model {number}", "570.86", MEMORY) for number in range(2)]
    assert [(one.name, one.driver, one.memory_bytes) for one in found] == expected
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(DeviceError, match=r"2 GPUs .*CUDA_VISIBLE_DEVICES"):
        gpu.require()


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("1", ["Model 1"]),
        ("GPU-0aaa", ["Model 0"]),
        ("0,1", ["Model 0", "Model 1"]),
        ("MIG-0aaa", ["Model 0", "Model 1"]),
        ("-1", []),
        ("", []),
    ],
)
def test_only_visible_gpus_count(monkeypatch, chosen, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert [one.name for one in gpu.visible()] == names


def test_machine_without_a_driver_has_no_gpu_and_says_what_to_do(monkeypatch):
    def fail():
        raise pynvml.NVMLError_LibraryNotFound

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    assert gpu.visible() == ()
    with pytest.raises(DeviceError, match="SIGHTLINE_GPU=optional"):
        gpu.require()
