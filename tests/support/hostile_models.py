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

import keras

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


def config_of(honest: bytes) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(unpack(honest)[CONFIG])
    return config


def with_config(honest: bytes, config: dict[str, Any]) -> bytes:
    return pack(unpack(honest) | {CONFIG: json.dumps(config).encode()})


def with_layer(honest: bytes, **changes: Any) -> bytes:
    """Change the layer that scales the images."""
    config = config_of(honest)
    layers = config["config"]["layers"]
    next(layer for layer in layers if layer["name"] == "scale").update(changes)
    return with_config(honest, config)


def _code(canary: Path) -> dict[str, Any]:
    source = f"lambda images, *rest: (open({str(canary)!r}, 'w').write('run'), images)[1]"
    compiled = marshal.dumps(eval(source).__code__)  # noqa: S307 - the attack itself
    code = base64.b64encode(compiled).decode()
    config = {"code": code, "value": code, "defaults": None, "closure": None}
    return {"class_name": "__lambda__", "config": config}


def _calling(module: str, name: str, argument: object) -> dict[str, Any]:
    """Build a Lambda layer that calls any function, as in CVE-2025-1550."""
    function = {"module": module, "class_name": "function", "config": name}
    function["registered_name"] = "function"
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
    config = config_of(lambda_layer(honest, canary))
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Lambda":
            del layer["module"]
    return with_config(honest, config)


@refused_with("__lambda__")
def lambda_as_regularizer(honest: bytes, canary: Path) -> bytes:
    config = {"name": "scale", "units": 1, "kernel_regularizer": _code(canary)}
    return with_layer(honest, class_name="Dense", config=config)


@refused_with("training state")
def lambda_as_loss(honest: bytes, canary: Path) -> bytes:
    compiled = {"optimizer": "adam", "loss": _code(canary)}
    return with_config(honest, config_of(honest) | {"compile_config": compiled})


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
    module = "keras.src.layers.core.lambda_layer"
    return with_layer(honest, module=module, class_name="Lambda", config={})


@refused_with("evil>Rescaling")
def custom_object(honest: bytes, canary: Path) -> bytes:
    return with_layer(honest, registered_name="evil>Rescaling")


@refused_with("os.__typespec__")
def type_spec(honest: bytes, canary: Path) -> bytes:
    spec = {"spec_name": "system", "module": "os", "registered_name": None}
    scale = {"class_name": "__typespec__", "config": [str(canary)], **spec}
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
    config = {"name": "scale", "units": 1 << 20}
    return with_layer(honest, class_name="Dense", config=config, build_config=shape)
