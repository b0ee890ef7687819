"""What computes the features of frozen layers: Keras or, faster on a CPU, ONNX Runtime.

Runs in the Keras process.
"""

import logging
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.errors import ConfigError, StageError
from sightline.training import backend
from sightline.training.crops import Pixels

Floats = NDArray[np.floating[Any]]
Compute = Callable[[Pixels], Floats]

# Largest difference from Keras that counts as rounding, as a fraction of the largest feature;
# float16, in which features are stored, has 11 significant bits
_TOLERANCE = 2.0**-11
_INPUT = "pixels"
_log = logging.getLogger(__name__)


class Engine(NamedTuple):
    """What computes features: from uint8 images (m, height, width, 3) to (m, ...)."""

    calculate: Compute
    batch: int  # Images at once
    threads: int  # Threads that call it at once


def choose_engine(front: keras.Model, wanted: Literal["auto", "onnxruntime", "keras"]) -> Engine:
    """Return the wanted engine of the layers `front`, or the fastest one for the device.

    Raises ConfigError if the wanted one is not installed or cannot convert the layers.
    """
    missing = [name for name in ("onnxruntime", "tf2onnx") if find_spec(name) is None]
    converts = keras.backend.backend() == "tensorflow"  # tf2onnx reads TensorFlow's graphs
    if wanted == "onnxruntime" and missing:
        raise ConfigError(
            f'embedding.engine is "onnxruntime", but {" and ".join(missing)} is not installed; run '
            'pip install "sightline[pretrained]", or set it to "auto".'
        )
    if wanted == "onnxruntime" and not converts:
        raise ConfigError(
            'embedding.engine is "onnxruntime", which needs the TensorFlow backend of Keras, but '
            f'KERAS_BACKEND is {keras.backend.backend()!r}; set the engine to "auto" or "keras".'
        )
    usable = converts and not missing and backend.resolve_device("auto") == "cpu"
    if wanted == "keras" or (wanted == "auto" and not usable):
        _log.info("Keras computes the features of the frozen layers")
        return Engine(lambda images: np.asarray(front.predict_on_batch(images)), 16, 1)
    _log.info("ONNX Runtime computes the features of the frozen layers")
    return _onnxruntime(front)


def _onnxruntime(front: keras.Model) -> Engine:
    """Convert the layers to ONNX; each core computes a small batch of its own.

    Keras' own export traces the layers several times, which takes 1.4 times as long.
    """
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(front.input_shape, tf.uint8, name=_INPUT)]
    inference = tf.function(
        lambda pixels: front(pixels, training=False), input_signature=signature, autograph=False
    )
    converted, _ = tf2onnx.convert.from_function(inference, signature)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def calculate(images: Pixels) -> Floats:
        return np.asarray(session.run(None, {_INPUT: images})[0])

    return Engine(calculate, batch=2, threads=os.cpu_count() or 1)


def check_agreement(front: keras.Model, calculate: Compute, pixels: Pixels) -> None:
    """Compare an engine with Keras on some uint8 images; raise StageError if they disagree."""
    expected = np.asarray(front.predict_on_batch(pixels))
    difference = float(np.abs(calculate(pixels) - expected).max())
    if not difference <= _TOLERANCE * float(np.abs(expected).max()):
        raise StageError(
            f"The features differ from those of Keras by {difference:.2g}, more than rounding; "
            'set embedding.engine="keras".'
        )
