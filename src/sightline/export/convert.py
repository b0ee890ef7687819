"""The program that writes a measured `.keras` file in another form.

It runs on TensorFlow, for which Keras knows all forms, whatever backend trained: the weights are
the same. Each form gets a fresh process, since names in it are counted from what was done before:
so equal models give equal bytes, whichever other forms are wanted.
"""

from pathlib import Path
from typing import Any, cast

from sightline.config import Format
from sightline.export.formats import NAMES
from sightline.pipeline.fast_import import quick_import

INPUT = "pixels"
"""Name of the input in every form."""


def main(model: str, sha256: str, folder: str, form: str) -> None:
    """Export a model so that it takes uint8 images (batch, height, width, channels), batch free.

    Args:
        model: Path of the `.keras` file.
        sha256: Digest that it must have.
        folder: Where to write, under the name in `formats.NAMES`.
        form: Which form; any but "keras".
    """
    with quick_import():
        import keras

        from sightline.models import keras_files

    measured = keras_files.read_model(Path(model), sha256)
    path = Path(folder, NAMES[cast(Format, form)])
    if form == "saved_model":
        _save(measured, path)
        _forget_identity(path, sha256)
    else:
        signature = [keras.InputSpec(shape=measured.input_shape, dtype="uint8", name=INPUT)]
        measured.export(path, format=form, verbose=False, input_signature=signature)


def _save(measured: Any, path: Path) -> None:
    """Write a SavedModel; Keras' own export writes each weight twice, in an order of chance."""
    import tensorflow as tf

    images = tf.TensorSpec(measured.input_shape, tf.uint8, name=INPUT)
    module = tf.Module()
    module.weights = [weight.value for weight in measured.weights]  # not the seeds of dropout
    module.serve = tf.function(
        lambda pixels: measured(pixels, training=False), input_signature=[images], autograph=False
    )
    endpoints = dict.fromkeys(("serve", "serving_default"), module.serve)  # as Keras has them
    tf.saved_model.save(module, str(path), signatures=endpoints)


def _forget_identity(path: Path, sha256: str) -> None:
    """Replace the random id in a SavedModel's fingerprint, a decimal number of 128 bits."""
    from tensorflow.core.protobuf import fingerprint_pb2

    file = path / "fingerprint.pb"
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(file.read_bytes())
    fingerprint.uuid = str(int(sha256[:32], 16))
    file.write_bytes(fingerprint.SerializeToString(deterministic=True))
