"""The export formats: file name, required libraries, converter and runtime of each.

To add a format, add an entry to `FORMATS` and its name to `config.Format`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import ExportConfig, Format
from sightline.errors import ConfigError
from sightline.export import metadata
from sightline.pipeline.fast_import import quick_import
from sightline.pipeline.provenance import cores
from sightline.records import FileRecord

FOLDER = "exports"
"""Folder of a cache entry with the exported files, under the names of a registered version."""

INPUT = "pixels"  # Name of the input in every converted format
Predict = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""From raw images (m, height, width, channels) to class probabilities, (m, num_classes)."""


@dataclass(frozen=True)
class Runtime:
    """A library, named with its version, that loads a model file or folder to run on all cores."""

    name: str
    load: Callable[[Path], Predict]


@dataclass(frozen=True)
class ExportFormat:
    """How a model is written in a format, and how it is loaded again."""

    file: str  # Name of its file or folder
    runtime: Callable[[], Runtime]
    read_metadata: Callable[[Path], str | None]
    # Writes a Keras model to a path so that it accepts uint8 images (batch, height, width,
    # channels) of any batch size; None for the trained file itself
    convert: Callable[[Any, Path], None] | None = None
    write_metadata: Callable[[Path, str], None] | None = None  # Into a converted file
    # Modules needed besides Keras and TensorFlow; the distributions have the same names with "-"
    requires: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Return the distributions that are required but not installed."""
        return [name.replace("_", "-") for name in self.requires if find_spec(name) is None]


def chosen(settings: ExportConfig) -> tuple[Format, ...]:
    """Return the formats to export, each once and in the order of `FORMATS`.

    By default these are all whose libraries are installed. Raises ConfigError if a library that a
    configured format requires is not installed.
    """
    if settings.formats is None:
        return tuple(name for name, known in FORMATS.items() if not known.missing)
    for name in settings.formats:
        if missing := FORMATS[name].missing:
            raise ConfigError(
                f"export.formats names {name!r}, which needs {' and '.join(missing)}; run "
                'pip install "sightline[export]", or remove the format.'
            )
    return tuple(name for name in FORMATS if name in settings.formats)


def shipped_name(record: FileRecord) -> str:
    """Return the POSIX path of a trained or exported file in the folder of a version."""
    _, found, name = record.path.rpartition(f"/{FOLDER}/")
    return name if found else PurePosixPath(record.path).name


def _keras() -> Runtime:
    with quick_import():
        import keras

        from sightline.models import keras_files

    def load(path: Path) -> Predict:
        predict: Predict = keras_files.read_model(path).predict_on_batch
        return predict

    return Runtime(f"keras {keras.__version__} ({keras.backend.backend()})", load)


def _save_model(model: Any, path: Path) -> None:
    """Write a SavedModel; Keras' own export writes each weight twice, in random order."""
    import tensorflow as tf
    from tensorflow.core.protobuf.fingerprint_pb2 import FingerprintDef

    images = tf.TensorSpec(model.input_shape, tf.uint8, name=INPUT)
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]  # without the seeds of dropout
    module.serve = tf.function(
        lambda pixels: model(pixels, training=False), input_signature=[images], autograph=False
    )
    endpoints = dict.fromkeys(("serve", "serving_default"), module.serve)  # as in Keras
    tf.saved_model.save(module, str(path), signatures=endpoints)
    file = path / "fingerprint.pb"  # Its random id is replaced: equal models give equal bytes
    fingerprint = FingerprintDef.FromString(file.read_bytes())
    fingerprint.uuid = str(fingerprint.graph_def_program_hash)
    file.write_bytes(fingerprint.SerializeToString(deterministic=True))


def _tensorflow() -> Runtime:
    with quick_import():
        import tensorflow as tf

    def load(path: Path) -> Predict:
        loaded = tf.saved_model.load(str(path))
        (name,) = loaded.signatures["serving_default"].structured_input_signature[1]

        def predict(images: NDArray[np.uint8]) -> NDArray[Any]:
            # Looked up each time, since a signature does not keep its variables alive.
            outputs = loaded.signatures["serving_default"](**{name: tf.constant(images)})
            (probabilities,) = outputs.values()
            return np.asarray(probabilities)

        return predict

    return Runtime(f"tensorflow {tf.__version__}", load)


def _litert() -> Runtime:
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
            return np.asarray(interpreter.get_tensor(wanted))

        return predict

    return Runtime(f"ai-edge-litert {version('ai-edge-litert')}", load)


def _onnxruntime() -> Runtime:
    import onnxruntime

    def load(path: Path) -> Predict:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        return lambda images: np.asarray(session.run(None, {given.name: images})[0])

    return Runtime(f"onnxruntime {onnxruntime.__version__}", load)


def _keras_export(name: str, model: Any, path: Path) -> None:
    """Write a model with Keras' own export."""
    import keras

    signature = [keras.InputSpec(shape=model.input_shape, dtype="uint8", name=INPUT)]
    model.export(path, format=name, verbose=False, input_signature=signature)


FORMATS: dict[Format, ExportFormat] = {
    "keras": ExportFormat("model.keras", _keras, metadata.read_archive),
    "saved_model": ExportFormat(
        "saved_model",
        _tensorflow,
        metadata.read_saved_model,
        _save_model,
        metadata.write_saved_model,
    ),
    "litert": ExportFormat(
        "model.tflite",
        _litert,
        metadata.read_archive,
        partial(_keras_export, "litert"),
        metadata.write_litert,
        requires=("ai_edge_litert",),
    ),
    "onnx": ExportFormat(
        "model.onnx",
        _onnxruntime,
        metadata.read_onnx,
        partial(_keras_export, "onnx"),
        metadata.write_onnx,
        requires=("onnxruntime", "tf2onnx"),
    ),
}
