"""Keras models on disk: read only in safe mode, written with the same bytes each time."""

import hashlib
import json
import zipfile
from pathlib import Path

import keras

from sightline.scaling import SCALE

_NETWORK = "classifier"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP archive can hold; stands in for the time of writing."""


def read_architecture(path: Path) -> keras.Model:
    """Make an untrained model from Keras' JSON; foreign classes are refused by Keras.

    Args:
        path: JSON as `keras.Model.to_json` writes it.

    Returns:
        The model with fresh weights, drawn from Keras' global seed.
    """
    return keras.models.model_from_json(path.read_text(encoding="utf-8"))


def read_model(path: Path) -> keras.Model:
    """Load a `.keras` file in safe mode, without its training state.

    Args:
        path: A file that `export` wrote.

    Returns:
        A model from uint8 images of shape (batch, height, width, channels) to float32 class
        probabilities of shape (batch, num_classes).
    """
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def export(model: keras.Model, path: Path) -> None:
    """Save a classifier so that it takes raw images.

    Args:
        model: Takes float32 images in [0, 1].
        path: Ends with `.keras`; the file takes uint8 images of the same shape, and equal
            weights give equal bytes.
    """
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(float(SCALE), name="scale")(images)
    # A new model around the same layers leaves the optimizer's state behind.
    network = keras.Model(model.inputs, model.outputs, name=_NETWORK)
    exported = keras.Model(images, network(scaled), name="sightline")
    exported.save(path)
    _forget_time(path)


def without_preprocessing(model: keras.Model) -> keras.Model:
    """Return the network inside an exported model, with the same weights.

    Args:
        model: A model that `export` made.

    Returns:
        A model from float32 images in [0, 1] to class probabilities.
    """
    return model.get_layer(_NETWORK)


def weights_sha256(model: keras.Model) -> str:
    """Digest a model's weights in order: path, dtype, shape and bytes of each.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        digest.update(f"{weight.path} {values.dtype} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _forget_time(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members["metadata.json"])
    metadata.pop("date_saved", None)
    members["metadata.json"] = json.dumps(metadata).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
