"""What differs between Keras backends: devices, memory, determinism, threads.

Runs in the Keras process.
"""

import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import keras

from sightline.errors import DeviceError, MemoryLimitError
from sightline.pipeline.provenance import cores, versions

# Found in other errors of XLA and of oneDNN, whose status 1 is out of memory
_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "Status: 1, message: could not create a primitive")
Device = Literal["auto", "cpu", "gpu"]


def resolve_device(wanted: Device) -> Literal["cpu", "gpu"]:
    """Choose the device; "auto" is a GPU if there is one. Raises DeviceError for a missing GPU."""
    gpus = _gpus()
    if wanted == "gpu" and not gpus:
        raise DeviceError(
            f'training.device is "gpu" but the {keras.backend.backend()} backend sees no GPU; '
            "install NVIDIA's driver and the GPU build of the backend "
            '(TensorFlow on Linux: pip install "sightline[gpu]"), '
            'or set training.device to "auto" or "cpu".'
        )
    return "gpu" if gpus and wanted != "cpu" else "cpu"


def describe_device(device: Literal["cpu", "gpu"]) -> str:
    """Name the device for people, such as "cpu (2 cores)" or "gpu (NVIDIA H200)"."""
    if device == "cpu":
        return f"cpu ({cores()} cores)"
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            gpu = tf.config.list_physical_devices("GPU")[0]
            details = tf.config.experimental.get_device_details(gpu)
            name = details.get("device_name", "unknown")
        case "jax":
            import jax

            name = jax.local_devices()[0].device_kind
        case _:
            import torch

            name = torch.cuda.get_device_name(0)
    return f"gpu ({name})"


def peak_memory_bytes() -> int:
    """Return the peak resident set size of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_device_memory_bytes(device: Literal["cpu", "gpu"]) -> int | None:
    """Return the peak memory used on the GPU, in bytes; None on a CPU."""
    if device == "cpu":
        return None
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf  # Keras does not report device memory

            return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
        case "jax":
            import jax

            return int(jax.local_devices()[0].memory_stats()["peak_bytes_in_use"])
        case _:
            import torch

            return int(torch.cuda.max_memory_allocated())


def compute_deterministically() -> None:
    """Use deterministic operations in this process from now on.

    JAX on a GPU reads this choice when it starts (`ProcessSettings`); on a CPU it needs none.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        case "torch":
            import torch

            torch.use_deterministic_algorithms(True)


@contextmanager
def memory_errors(batch_size: int) -> Iterator[None]:
    """Raise out-of-memory errors of any backend as MemoryLimitError, naming the batch size."""
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise MemoryLimitError(
            f"There is too little memory for training.batch_size {batch_size:,}; try "
            f"{max(1, batch_size // 2):,}, or smaller images (data.image_size)."
        ) from error


def environment() -> dict[str, str]:
    """Describe what the bits of a training depend on, except code, config and data."""
    return {
        "backend": keras.backend.backend(),
        **versions("keras", "tensorflow", "jax", "torch", "numpy"),
        "float": keras.config.floatx(),
        "cpu": cpu_fact("model name") or platform.processor() or platform.machine(),
        "cores": str(cores()),
        "threads": _threads(),
        "deterministic": _is_deterministic(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", "default"),
    }


def cpu_fact(*names: str) -> str:
    """Return what Linux states under the first of these names about the processor, or ""."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        for line in file:
            if line.startswith(names):
                return line.partition(":")[2].strip()
    return ""


def _gpus() -> list[str]:
    if keras.backend.backend() == "torch":  # Keras lists no devices for it
        import torch

        return [f"gpu:{number}" for number in range(torch.cuda.device_count())]
    try:
        return list(keras.distribution.list_devices("gpu"))
    except RuntimeError:  # JAX without a GPU
        return []


def _is_out_of_memory(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    full = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}  # of three backends
    return bool(names & full) or any(sign in str(error) for sign in _OUT_OF_MEMORY)


def _threads() -> str:
    """Return the threads within an operation and the operations in parallel."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            chosen = os.environ.get("TF_NUM_INTRAOP_THREADS", "automatic")
            within = tf.config.threading.get_intra_op_parallelism_threads() or chosen
            between = tf.config.threading.get_inter_op_parallelism_threads() or "automatic"
            return f"within: {within}, between: {between}"
        case "torch":
            import torch

            within, between = torch.get_num_threads(), torch.get_num_interop_threads()
            return f"within: {within}, between: {between}"
        case _:
            return "default"


def _is_deterministic() -> str:
    match keras.backend.backend():
        case "tensorflow":
            from tensorflow.python.framework import config

            return str(config.is_op_determinism_enabled()).lower()
        case "torch":
            import torch

            return str(torch.are_deterministic_algorithms_enabled()).lower()
        case _:
            flags = os.environ.get("XLA_FLAGS", "")
            return "true" if "--xla_gpu_deterministic_ops=true" in flags else "default"
