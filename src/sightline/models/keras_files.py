"""Reads and writes Keras models; equal models give equal bytes.

No file is trusted: `file_checks` checks it first, then Keras loads what was checked in safe mode.
"""

import functools
import json
import math
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras

from sightline.data.scaling import SCALE
from sightline.models import file_checks
from sightline.models.refusals import Refusal, refusals
from sightline.records import ModelMetadata
from sightline.records.model_metadata import FILE

_NETWORK = "classifier"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # The earliest time of a ZIP archive; replaces the time of writing


def read_architecture(path: Path, expected_sha256: str | None = None) -> keras.Model:
    """Build an untrained model with random weights from the JSON of `keras.Model.to_json`.

    Raises ModelFileError if the file is damaged, too large or contains unknown classes.
    """
    config = file_checks.read_config(path, expected_sha256)
    with refusals(path):
        parameters = _parameters(config)
        if parameters > file_checks.LARGEST_PARAMETERS:
            raise Refusal(
                f"its architecture has {parameters:,} parameters, expected at most "
                f"{file_checks.LARGEST_PARAMETERS:,}"
            )
        return _build(config)


def read_model(path: Path, expected_sha256: str | None = None) -> keras.Model:
    """Load a `.keras` file that `export` wrote, without training state.

    Returns a model from uint8 images of shape (batch, height, width, channels) to float32 class
    probabilities of shape (batch, num_classes). Raises ModelFileError if the file is damaged,
    differs from the expected digest, or contains anything that Sightline does not write.
    """
    return read_with_metadata(path, expected_sha256)[0]


def read_with_metadata(
    path: Path, expected_sha256: str | None = None
) -> tuple[keras.Model, ModelMetadata | None]:
    """Load a `.keras` file as `read_model` does, and its metadata, if it has any."""
    parts = file_checks.read_archive(path, expected_sha256)
    with refusals(path), tempfile.TemporaryDirectory() as folder:
        parameters = _parameters(parts.config)
        if parameters != parts.parameters:
            raise Refusal(
                f"its architecture has {parameters:,} parameters, its weights have "
                f"{parts.parameters:,}"
            )
        model = _build(parts.config)
        weights = Path(folder, "model.weights.h5")
        weights.write_bytes(parts.weights)
        model.load_weights(weights)
        return model, parts.metadata


def export(model: keras.Model, path: Path, metadata: ModelMetadata | None = None) -> None:
    """Save a classifier of float32 images in [0, 1] with its preprocessing as a `.keras` file.

    The saved model takes uint8 images of the same shape. Keras ignores the metadata in it.
    """
    # A new model around the same layers drops the optimizer state.
    network = keras.Model(model.inputs, model.outputs, name=_NETWORK)
    with_preprocessing(network).save(path)
    _rewrite(path, metadata)


def with_preprocessing(model: keras.Model) -> keras.Model:
    """Return a model of float32 images in [0, 1] as one of uint8 images."""
    images = keras.Input(model.input_shape[1:], dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(float(SCALE), name="scale")(images)
    return keras.Model(images, model(scaled), name="sightline")


def without_preprocessing(model: keras.Model) -> keras.Model:
    """Return the classifier inside an exported model, from float32 images in [0, 1]."""
    return model.get_layer(_NETWORK)


@functools.lru_cache(maxsize=4)  # stages that follow each other read the same network
def _parameters(config: str) -> int:
    """Count the weights of a config without allocating them; refuse one of huge activations."""
    # Keras remembers uninitialized variables per thread and initializes them later: those of a
    # finished thread are forgotten.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_count, config).result()


def _count(config: str) -> int:
    with keras.StatelessScope(initialize_variables=False):
        model = _build(config)
        _check_outputs(model)
        return int(model.count_params())


def _check_outputs(model: keras.Model) -> None:
    """Refuse layers whose output for one image would exhaust the memory, such as a huge padding."""
    for layer in getattr(model, "operations", model.layers):  # sums are no layers
        for output in keras.tree.flatten(layer.output):
            values = math.prod(size for size in output.shape[1:] if size)
            if values > file_checks.LARGEST_OUTPUT:
                raise Refusal(
                    f"its layer {layer.name[:80]!r} gives {values:,} values an image, expected at "
                    f"most {file_checks.LARGEST_OUTPUT:,}"
                )
        if isinstance(layer, keras.Model):
            _check_outputs(layer)


def _build(config: str) -> keras.Model:
    # Parsed each time: Keras modifies the parsed form.
    return keras.saving.deserialize_keras_object(json.loads(config), safe_mode=True)


def _rewrite(path: Path, metadata: ModelMetadata | None) -> None:
    """Add the metadata; remove the time of writing, and the memory addresses in names of objects.

    Keras names shared objects by their address. They are data types of layers, of which a reader
    makes equal copies.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, key in (("metadata.json", "date_saved"), ("config.json", "shared_object_id")):
        members[name] = _without_key(members[name], key)
    if metadata is not None:
        members[FILE] = metadata.model_dump_json().encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _without_key(text: bytes, key: str) -> bytes:
    """Remove a key from all objects of a JSON text."""

    def kept(items: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in items.items() if name != key}

    return json.dumps(json.loads(text, object_hook=kept)).encode()
