"""The runtimes that load what is shipped, each with its own defaults, on all cores."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import Format
from sightline.pipeline.fast_import import quick_import
from sightline.pipeline.provenance import cores

Predict = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""From raw images of shape (m, height, width, channels) to class probabilities,
(m, num_classes)."""

_SIGNATURE = "serving_default"
"""What TensorFlow Serving calls as well."""


@dataclass(frozen=True)
class Runtime:
    """A library that is imported and ready to load.

    Attributes:
        name: The library and its version.
        load: From a file or folder to what predicts.
    """

    name: str
    load: Callable[[Path], Predict]


def runtime(form: Format) -> Runtime:
    """Import the library that loads a form."""
    return _RUNTIMES[form]()


def _keras() -> Runtime:
    with quick_import():
        import keras

        from sightline.models import keras_files

    def load(path: Path) -> Predict:
        predict: Predict = keras_files.read_model(path).predict_on_batch
        return predict

    return Runtime(f"keras {keras.__version__} ({keras.backend.backend()})", load)


def _tensorflow() -> Runtime:
    with quick_import():
        import tensorflow as tf

    def load(path: Path) -> Predict:
        loaded = tf.saved_model.load(str(path))
        (given,) = loaded.signatures[_SIGNATURE].structured_input_signature[1]

        def predict(images: NDArray[np.uint8]) -> NDArray[Any]:
            # Asked for each time, since a signature does not keep its variables alive.
            answers = loaded.signatures[_SIGNATURE](**{given: tf.constant(images)})
            (probabilities,) = answers.values()
            answer: NDArray[Any] = probabilities.numpy()
            return answer

        return predict

    return Runtime(f"tensorflow {tf.__version__}", load)


def _litert() -> Runtime:
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter

    def load(path: Path) -> Predict:
        interpreter = Interpreter(str(path), num_threads=cores())
        given = interpreter.get_input_details()[0]["index"]
        wanted = interpreter.get_output_details()[0]["index"]
        shape: tuple[int, ...] = ()

        def predict(images: NDArray[np.uint8]) -> NDArray[Any]:
            nonlocal shape
            if images.shape != shape:
                interpreter.resize_tensor_input(given, images.shape)
                interpreter.allocate_tensors()
                shape = images.shape
            interpreter.set_tensor(given, images)
            interpreter.invoke()
            probabilities: NDArray[Any] = interpreter.get_tensor(wanted)
            return probabilities

        return predict

    return Runtime(f"ai-edge-litert {version('ai-edge-litert')}", load)


def _onnxruntime() -> Runtime:
    import onnxruntime

    def load(path: Path) -> Predict:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()

        def predict(images: NDArray[np.uint8]) -> NDArray[Any]:
            (probabilities,) = session.run(None, {given.name: images})
            answer: NDArray[Any] = probabilities
            return answer

        return predict

    return Runtime(f"onnxruntime {onnxruntime.__version__}", load)


_RUNTIMES: dict[Format, Callable[[], Runtime]] = {
    "keras": _keras,
    "saved_model": _tensorflow,
    "litert": _litert,
    "onnx": _onnxruntime,
}
