"""The compute type of the layers: float32, or bfloat16 or float16 with float32 weights.

Runs in the Keras process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import keras
from keras import layers

from sightline.training import backend

Precision = Literal["float32", "bfloat16", "float16"]

# Layers that take nearly all of the time; those after the pooling are too small to matter
_LOWERED = (layers.Conv2D, layers.BatchNormalization, layers.MaxPooling2D, layers.ReLU)
_CPU_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}  # As Linux names them, for x86 and ARM
_FIRST_CAPABILITY = 8  # NVIDIA compute capability of the first GPUs with bfloat16 (Ampere)


def resolve(wanted: Precision | Literal["auto"], device: str) -> Precision:
    """Choose the compute type on a device, "cpu" or "gpu".

    "auto" is bfloat16 if the device has instructions for it; otherwise float32 is faster.
    """
    if wanted != "auto":
        return wanted
    if device == "gpu":
        return "bfloat16" if _gpu_has_bfloat16() else "float32"
    features = backend.cpu_fact("flags", "Features").split()
    return "float32" if _CPU_FEATURES.isdisjoint(features) else "bfloat16"


@contextmanager
def computing_in(model: keras.Model, precision: Precision) -> Iterator[None]:
    """Set the compute type of the convolutions of a model, not called yet, within the block."""
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
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
    """Compute float32 without TF32 on a GPU within the block.

    NVIDIA GPUs from Ampere on round the factors of products to 10 bits (TF32) by default, so
    measurements would differ from those on a CPU by more than rounding.
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

            before = torch.backends.cudnn.allow_tf32  # off by default for matrix products
            torch.backends.cudnn.allow_tf32 = False
            try:
                yield
            finally:
                torch.backends.cudnn.allow_tf32 = before


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
