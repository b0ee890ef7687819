"""What the layers compute in: float32, or bfloat16 around float32 weights.

Runs inside the Keras process.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import keras
from keras import layers

Precision = Literal["float32", "bfloat16"]

_LOWERED = (layers.Conv2D, layers.BatchNormalization, layers.ReLU)
"""Where nearly all of the time goes; what follows the pooling is too small to matter."""

_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""As Linux names them for x86 and ARM."""

_FIRST_CAPABILITY = 8
"""NVIDIA's compute capability of the first GPUs with bfloat16 (Ampere)."""


def resolve(wanted: Literal["float32", "bfloat16", "auto"], device: str) -> Precision:
    """Decide what to compute in.

    Args:
        wanted: "auto" takes bfloat16 where the device has instructions for it; without them
            it is slower than float32.
        device: "cpu" or "gpu".
    """
    if wanted != "auto":
        return wanted
    fast = _gpu_has_bfloat16() if device == "gpu" else _cpu_has_bfloat16()
    return "bfloat16" if fast else "float32"


@contextmanager
def computing_in(model: keras.Model, precision: Precision) -> Iterator[None]:
    """Let a model's convolutions compute in a precision, and in float32 again afterwards.

    Args:
        model: Its weights are float32 all the time; it was not called yet.
        precision: What to compute in within the block.
    """
    policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    lowered = [layer for layer in model.layers if isinstance(layer, _LOWERED)]
    for layer in lowered:
        layer.dtype_policy = policy
    try:
        yield
    finally:
        for layer in lowered:
            layer.dtype_policy = "float32"


@contextmanager
def exact_float32() -> Iterator[None]:
    """Let float32 be float32 on a GPU, too, within the block.

    NVIDIA's GPUs from Ampere on otherwise round the factors of products to 10 bits (TF32), so that
    what is measured there would differ from what a CPU answers by more than rounding.
    """
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            before = tf.config.experimental.tensor_float_32_execution_enabled()
            tf.config.experimental.enable_tensor_float_32_execution(False)
            try:
                yield
            finally:
                tf.config.experimental.enable_tensor_float_32_execution(before)
        case "jax":
            import jax

            with jax.default_matmul_precision("highest"):
                yield
        case _:
            import torch

            before = torch.backends.cudnn.allow_tf32  # of matrix products it is off by default
            torch.backends.cudnn.allow_tf32 = False
            try:
                yield
            finally:
                torch.backends.cudnn.allow_tf32 = before


def _cpu_has_bfloat16() -> bool:
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return not _FLAGS.isdisjoint(line.split())
    return False


def _gpu_has_bfloat16() -> bool:
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            gpu = tf.config.list_physical_devices("GPU")[0]
            details = tf.config.experimental.get_device_details(gpu)
            return bool(details.get("compute_capability", (0, 0))[0] >= _FIRST_CAPABILITY)
        case "jax":
            import jax

            capability = getattr(jax.local_devices()[0], "compute_capability", "0")
            return int(str(capability).partition(".")[0]) >= _FIRST_CAPABILITY
        case _:
            import torch

            return bool(torch.cuda.is_bf16_supported())
