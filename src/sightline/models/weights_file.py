"""Set the weights of a network from a file that somebody else wrote.

No file is trusted: HDF5 and Keras files are checked as models are (`file_checks`), and safetensors
hold only numbers. Runs in the Keras process.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.models import file_checks, keras_files
from sightline.models.refusals import Refusal, refusals

_FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}  # Types of safetensors


def load(network: keras.Model, path: Path, sha256: str | None) -> None:
    """Set the weights of a network from a file with this digest.

    Raises ModelFileError if it has another format or digest, is damaged, contains anything but
    weights, or those of another network.
    """
    remedy = (
        "expected the weights of this network without its top, as .weights.h5, .h5, .keras or "
        ".safetensors"
    )
    with refusals(path, "as model.weights", remedy):
        content = file_checks.read_file(path, file_checks.LARGEST_FILE, sha256)
        for suffix, read in _READERS.items():
            if path.name.endswith(suffix):
                read(network, path, content)
                return
        raise Refusal(f"its name ends in {path.suffix!r}")


def leaves(layers: list[Any]) -> Iterator[Any]:
    """Yield layers, and instead of a nested model its layers."""
    for layer in layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer.layers)
        else:
            yield layer


def _hdf5(network: keras.Model, path: Path, content: bytes) -> None:
    """Let Keras assign the arrays: by structure, in its older format by the order of layers."""
    file_checks.count_parameters(content)
    with tempfile.TemporaryDirectory() as folder:
        suffix = ".weights.h5" if path.name.endswith(".weights.h5") else ".h5"
        copy = Path(folder, f"checked{suffix}")  # what was checked is what is loaded
        copy.write_bytes(content)
        network.load_weights(copy)


def _keras(network: keras.Model, path: Path, content: bytes) -> None:
    """Take the weights of the layers that have the same names."""
    source = keras_files.read_model(path, hashlib.sha256(content).hexdigest())
    found = {layer.name: layer for layer in leaves(source.layers)}
    for layer in leaves(network.layers):
        if layer.weights:
            if layer.name not in found:
                raise Refusal(f"it has no layer {layer.name!r}")
            layer.set_weights(found[layer.name].get_weights())


def _safetensors(network: keras.Model, path: Path, content: bytes) -> None:
    """Take the arrays that are named as the paths of Keras' variables."""
    found = _tensors(content)
    for weight in network.weights:
        if weight.path not in found:
            raise Refusal(f"it has no array {weight.path!r}")
        weight.assign(found[weight.path])


def _tensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Read a header of JSON, after its length as a 64-bit number, and the arrays behind it."""
    start = 8 + int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8:start]), memoryview(content)[start:]
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in _FLOATS:
            first, end = entry["data_offsets"]
            values = np.frombuffer(data[first:end], _FLOATS[entry["dtype"]])
            found[name] = values.reshape(entry["shape"])
    return found


_READERS: dict[str, Callable[[keras.Model, Path, bytes], None]] = {
    ".h5": _hdf5,
    ".keras": _keras,
    ".safetensors": _safetensors,
}
