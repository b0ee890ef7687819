"""The device that Keras computes on: what there is, what was used, how much memory it took.

Runs inside the Keras process.
"""

import os
import resource
import sys
from typing import Literal

import keras

from sightline.config import FitConfig
from sightline.errors import DeviceError
from sightline.provenance import cores, versions
from sightline.records import DeviceReport

Device = Literal["auto", "cpu", "gpu"]


def resolve_device(wanted: Device) -> Literal["cpu", "gpu"]:
    """Decide what to compute on.

    Args:
        wanted: "auto" takes a GPU where there is one.

    Returns:
        "cpu" or "gpu".

    Raises:
        DeviceError: "gpu" is wanted and the backend sees none.
    """
    gpus = keras.distribution.list_devices("gpu")
    if wanted == "gpu" and not gpus:
        raise DeviceError(
            f'training.device is "gpu" but the {keras.backend.backend()} backend sees no GPU; '
            "install the GPU extra and a driver (see docs/gpu.md), "
            'or set training.device to "auto" or "cpu".'
        )
    return "gpu" if gpus and wanted != "cpu" else "cpu"


def inspect(settings: FitConfig) -> DeviceReport:
    """Look at the device that a training with these settings would use.

    Raises:
        DeviceError: A GPU is demanded and the backend sees none.
    """
    device = resolve_device(settings.device)
    return DeviceReport(device=describe_device(device), environment=environment())


def describe_device(device: Literal["cpu", "gpu"]) -> str:
    """Name the device for people, such as "cpu (2 cores)" or "gpu (NVIDIA H200)"."""
    if device == "cpu":
        return f"cpu ({cores()} cores)"
    return f"gpu ({_gpu_name()})"


def peak_memory_bytes() -> int:
    """Return the largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_device_memory_bytes(device: Literal["cpu", "gpu"]) -> int | None:
    """Return the largest memory taken on the GPU so far, in bytes; None on a CPU."""
    if device == "cpu":
        return None
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf  # Keras offers no way to ask for device memory

            return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        case "jax":
            import jax

            return int(jax.local_devices()[0].memory_stats()["peak_bytes_in_use"])
        case _:
            import torch

            return int(torch.cuda.max_memory_allocated())


def environment() -> dict[str, str]:
    """Describe what the bits of a training depend on, apart from code, config and data."""
    return {
        "backend": keras.backend.backend(),
        **versions("keras", "tensorflow", "jax", "torch", "numpy"),
        "float": keras.config.floatx(),
        "cores": str(cores()),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }


def _gpu_name() -> str:
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            gpu = tf.config.list_physical_devices("GPU")[0]
            return str(tf.config.experimental.get_device_details(gpu).get("device_name", "unknown"))
        case "jax":
            import jax

            return str(jax.local_devices()[0].device_kind)
        case _:
            import torch

            return str(torch.cuda.get_device_name(0))
