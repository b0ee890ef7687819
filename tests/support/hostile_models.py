"""Model files that attack their reader; the name of a function is the name of its case.

Each takes the bytes of an honest model and the path of a canary, which a successful attack would
write, read or run, and returns the bytes of a model file.
"""

import base64
import io
import json
import marshal
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from sightline.config import Convolution, ModelConfig
from sightline.models import cnn, keras_files

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
CANARY_BYTES = b"12345678901234567890123456789012"

Attack = Callable[[bytes, Path], bytes]
Members = dict[str, bytes]


ATTACKS: dict[Attack, str] = {}  # Each attack and a text that its refusal must contain


def refused_with(named: str) -> Callable[[Attack], Attack]:
    """Register an attack with a text that its refusal must contain."""

    def register(attack: Attack) -> Attack:
        ATTACKS[attack] = named
        return attack

    return register


def hdf5(change: Callable[[h5py.File, Path], None]) -> Attack:
    """Turn a change of the weights file into an attack of the same name."""

    def attack(honest: bytes, canary: Path) -> bytes:
        members = unpack(honest)
        buffer = io.BytesIO(members[WEIGHTS])
        with h5py.File(buffer, "a") as file:
            change(file, canary)
        return pack({**members, WEIGHTS: buffer.getvalue()})

    attack.__name__ = change.__name__
    return attack


def first_array(file: h5py.File) -> h5py.Dataset:
    return file.visititems(lambda _, item: item if isinstance(item, h5py.Dataset) else None)


def removed_array(file: h5py.File) -> tuple[str, tuple[int, ...]]:
    """Remove the first array; return its name and shape."""
    array = first_array(file)
    name, shape = array.name, array.shape
    del file[name]
    return name, shape


def honest_model(path: Path) -> Path:
    """Write a small model as in a training."""
    layers = ModelConfig(convolutions=(Convolution(filters=4),), dense_units=3)
    keras_files.export(cnn.classifier((8, 8, 1), 2, layers), path)
    return path


def unpack(honest: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(members: Members, *more: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for info, content in more:
            archive.writestr(info, content)
    return buffer.getvalue()


def with_config(honest: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Change the config of the model."""
    members = unpack(honest)
    config = json.loads(members[CONFIG])
    change(config)
    return pack({**members, CONFIG: json.dumps(config).encode()})


def with_layer(honest: bytes, **changes: Any) -> bytes:
    """Change the layer that scales the images."""

    def change(config: dict[str, Any]) -> None:
        layers = config["config"]["layers"]
        next(layer for layer in layers if layer["name"] == "scale").update(changes)

    return with_config(honest, change)


def _code(canary: Path) -> dict[str, Any]:
    source = f"lambda images, *rest: (open({str(canary)!r}, 'w').write('run'), images)[1]"
    compiled = marshal.dumps(eval(source).__code__)  # noqa: S307 - the attack itself
    code = base64.b64encode(compiled).decode()
    return {
        "class_name": "__lambda__",
        "config": {"code": code, "value": code, "defaults": None, "closure": None},
    }


def _calling(module: str, name: str, argument: object) -> dict[str, Any]:
    """Build a Lambda layer that calls any function, as in CVE-2025-1550."""
    function = {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "scale", "function": function, "arguments": {}},
        "inbound_nodes": [{"args": [], "kwargs": {"inputs": argument}}],
    }


@refused_with("keras.layers.Lambda")
def lambda_layer(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "function": _code(canary), "arguments": {}}
    return with_layer(honest, class_name="Lambda", config=config)


@refused_with("None.Lambda")
def lambda_without_module(honest: bytes, canary: Path) -> bytes:
    """Reach the legacy loader of layers without a module."""

    def change(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Lambda":
                del layer["module"]

    return with_config(lambda_layer(honest, canary), change)


@refused_with("__lambda__")
def lambda_as_regularizer(honest: bytes, canary: Path) -> bytes:
    return with_layer(
        honest,
        class_name="Dense",
        config={"name": "scale", "units": 1, "kernel_regularizer": _code(canary)},
    )


@refused_with("training state")
def lambda_as_loss(honest: bytes, canary: Path) -> bytes:
    compiled = {"compile_config": {"optimizer": "adam", "loss": _code(canary)}}
    return with_config(honest, lambda config: config.update(compiled))


@refused_with("keras.layers.Lambda")
def system_command(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, **_calling("os", "system", f"echo run > {canary}"))


@refused_with("keras.layers.Lambda")
def download_gadget(honest: bytes, canary: Path) -> bytes:
    """Download a file to any path, as in CVE-2025-8747."""
    return with_layer(honest, **_calling("keras.utils", "get_file", canary.as_uri()))


@refused_with("keras.layers.Lambda")
def unsafe_mode_gadget(honest: bytes, canary: Path) -> bytes:
    """Switch the safe mode off from inside, as in CVE-2025-9906."""
    call = _calling("keras.config", "enable_unsafe_deserialization", None)
    return with_layer(lambda_layer(honest, canary), **call)


@refused_with("keras.layers.Lambda")
def second_model(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, **_calling("keras.models", "load_model", str(canary)))


@refused_with("subprocess.Popen")
def foreign_class(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "args": ["touch", str(canary)]}
    return with_layer(honest, module="subprocess", class_name="Popen", config=config)


@refused_with("keras.src.layers.core.lambda_layer.Lambda")
def private_class(honest: bytes, canary: Path) -> bytes:
    """Reach a class of Keras by the path of its module instead of its public name."""
    return with_layer(
        honest, module="keras.src.layers.core.lambda_layer", class_name="Lambda", config={}
    )


@refused_with("evil>Rescaling")
def custom_object(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, registered_name="evil>Rescaling")


@refused_with("os.__typespec__")
def type_spec(honest: bytes, canary: Path) -> bytes:
    scale = {
        "class_name": "__typespec__",
        "config": [str(canary)],
        "spec_name": "system",
        "module": "os",
        "registered_name": None,
    }
    return with_layer(honest, config={"name": "scale", "scale": scale})


@refused_with("keras.layers.StringLookup")
def vocabulary_file(honest: bytes, canary: Path) -> bytes:
    """Read any file into a lookup table, as in CVE-2025-12058."""
    config = {"name": "scale", "vocabulary": str(canary)}
    return with_layer(honest, class_name="StringLookup", config=config)


@refused_with("keras.layers.TFSMLayer")
def saved_model_layer(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "filepath": str(canary.parent)}
    return with_layer(honest, class_name="TFSMLayer", config=config)


@refused_with("keras.layers.TorchModuleWrapper")
def torch_module(honest: bytes, canary: Path) -> bytes:
    """Hide a pickle in a config."""
    pickled = base64.b64encode(b"cos\nsystem\n(S'touch canary'\ntR.").decode()
    config = {"name": "scale", "module": {"class_name": "__bytes__", "config": {"value": pickled}}}
    return with_layer(honest, class_name="TorchModuleWrapper", config=config)


@refused_with("RecursionError")
def deep_json(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), CONFIG: b'{"a":' * 200_000})


@refused_with("expected at most 4,194,304")
def long_json(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    return pack({**members, CONFIG: members[CONFIG] + b" " * (5 << 20)})


@refused_with("68,720,263,168 parameters")
def wide_layers(honest: bytes, canary: Path) -> bytes:
    """Ask for 256 GB of weights in a few thousand bytes; all shapes match."""
    with ThreadPoolExecutor(1) as pool:  # Keras would create the weights later in this thread
        config = pool.submit(_wide).result()
    return pack({**unpack(honest), CONFIG: config.encode()})


def _wide() -> str:
    with keras.StatelessScope(initialize_variables=False):
        images = keras.Input((8, 8, 1), name="images")
        wide = keras.layers.Dense(1 << 18)(keras.layers.Dense(1 << 18)(images))
        return str(keras.Model(images, wide).to_json())


@refused_with("expected axis -1")
def wide_build(honest: bytes, canary: Path) -> bytes:
    """Ask for as much in the build config of a layer."""
    shape = {"input_shape": [None, 1 << 20, 1 << 20]}
    return with_layer(
        honest, class_name="Dense", config={"name": "scale", "units": 1 << 20}, build_config=shape
    )


@refused_with("unexpected member")
def escaping_member(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), f"../../{canary.name}": b"escaped"})


@refused_with("unexpected member")
def absolute_member(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), str(canary): b"escaped"})


@refused_with("unexpected member 'assets/vocabulary.txt'")
def asset_member(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), "assets/vocabulary.txt": b"word\n"})


@refused_with("link")
def linked_member(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    link = zipfile.ZipInfo(METADATA)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    del members[METADATA]
    return pack(members, (link, str(canary).encode()))


@refused_with("expected the members")
def second_config(honest: bytes, canary: Path) -> bytes:
    """Store one config for a check of the first member, and another for a load of the last."""
    members = unpack(honest)
    evil = unpack(lambda_layer(honest, canary))[CONFIG]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in [*members.items(), ("config.jsom", evil)]:
            archive.writestr(name, content)
    return buffer.getvalue().replace(b"config.jsom", CONFIG.encode())


@refused_with("expected the members")
def missing_weights(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    del members[WEIGHTS]
    return pack(members)


@refused_with("states 4,294,967,040 bytes")
def giant_stated_size(honest: bytes, canary: Path) -> bytes:
    content = bytearray(honest)
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (0xFFFFFF00).to_bytes(4, "little")
    return bytes(content)


@refused_with("compressed")
def decompression_bomb(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    info = zipfile.ZipInfo(WEIGHTS)
    info.compress_type = zipfile.ZIP_DEFLATED
    del members[WEIGHTS]
    return pack(members, (info, bytes(256 << 20)))


@refused_with("a link, 'layers/more'")
@hdf5
def external_link(file: h5py.File, canary: Path) -> None:
    file["layers/more"] = h5py.ExternalLink(str(canary), "/")


@refused_with("a link, 'layers/more'")
@hdf5
def soft_link(file: h5py.File, canary: Path) -> None:
    file["layers/more"] = h5py.SoftLink("/layers")


@refused_with("from elsewhere")
@hdf5
def external_array(file: h5py.File, canary: Path) -> None:
    """Read the weights of a layer from any file, as in CVE-2026-1669."""
    place, shape = removed_array(file)
    source = [(str(canary), 0, 4 * int(np.prod(shape)))]
    file.create_dataset(place, shape, "<f4", external=source)


@refused_with("from elsewhere")
@hdf5
def virtual_array(file: h5py.File, canary: Path) -> None:
    place, shape = removed_array(file)
    layout = h5py.VirtualLayout(shape, "<f4")
    layout[...] = h5py.VirtualSource(str(canary), "data", shape)
    file.create_virtual_dataset(place, layout)


@refused_with("stores 0")
@hdf5
def unstored_array(file: h5py.File, canary: Path) -> None:
    """State a terabyte and store nothing, as in CVE-2026-0897."""
    place, _ = removed_array(file)
    file.create_dataset(place, (1 << 38,), "<f4")


@refused_with("stores 0")
@hdf5
def packed_array(file: h5py.File, canary: Path) -> None:
    place, _ = removed_array(file)
    file.create_dataset(place, (1 << 38,), "<f4", chunks=(1 << 20,), compression="gzip")


@refused_with("not a numeric array")
@hdf5
def words_as_weights(file: h5py.File, canary: Path) -> None:
    file["layers/words"] = ["a", "b"]


@refused_with("parameters")
@hdf5
def circle_of_groups(file: h5py.File, canary: Path) -> None:
    file["layers/again"] = file["layers"]
    removed_array(file)


@refused_with("Bad CRC-32")
def flipped_weight(honest: bytes, canary: Path) -> bytes:
    content = bytearray(honest)
    content[content.index(b"\x89HDF") + 3000] ^= 1
    return bytes(content)


@refused_with("not a zip file")
def truncated(honest: bytes, canary: Path) -> bytes:
    return honest[: len(honest) // 2]


@refused_with("b'<!DOCTYPE html>'")
def html_page(honest: bytes, canary: Path) -> bytes:
    return b"<!DOCTYPE html><html><body>Please log in</body></html>"


@refused_with("starts with b''")
def empty(honest: bytes, canary: Path) -> bytes:
    return b""
