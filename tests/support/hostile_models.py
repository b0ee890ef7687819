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

from sightline.config import CnnConfig, Convolution
from sightline.models import cnn, keras_files
from sightline.records import ModelMetadata

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
NAMED = ModelMetadata(class_names=("cat", "dog"), image_shape=(8, 8, 1), white=255)
CANARY_BYTES = b"12345678901234567890123456789012"
_PICKLE = {"value": base64.b64encode(b"cos\nsystem\n(S'touch canary'\ntR.").decode()}
_WIDE = (1 << 20, 1 << 20)

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
    layers = CnnConfig(convolutions=(Convolution(filters=4),), dense_units=3)
    keras_files.export(cnn.classifier((8, 8, 1), 2, layers), path, NAMED)
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


def _layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": "scale", **config}}


def _calling(module: str, name: str, argument: object) -> dict[str, Any]:
    """Build a Lambda layer that calls any function, as in CVE-2025-1550."""
    function = {"module": module, "class_name": "function", "config": name}
    function["registered_name"] = "function"
    inbound = [{"args": [], "kwargs": {"inputs": argument}}]
    layer = _layer("Lambda", function=function, arguments={})
    return {**layer, "module": "keras.layers", "inbound_nodes": inbound}


def layer_attacks(canary: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return attacks by name: what the refusal must contain, and changes of the scaling layer."""
    command, unlock = f"echo run > {canary}", "enable_unsafe_deserialization"
    function = {"class_name": "function", "config": "system", "module": "os"}
    spec = {"spec_name": "system", "module": "os", "registered_name": None}
    lambdas = {
        "lambda_layer": _layer("Lambda", function=_code(canary), arguments={}),
        "system_command": _calling("os", "system", command),
        "download_gadget": _calling("keras.utils", "get_file", canary.as_uri()),  # CVE-2025-8747
        "unsafe_mode_gadget": _calling("keras.config", unlock, None),  # CVE-2025-9906
        "second_model": _calling("keras.models", "load_model", str(canary)),
    }
    return {name: ("keras.layers.Lambda", layer) for name, layer in lambdas.items()} | {
        "lambda_as_regularizer": (
            "__lambda__",
            _layer("Dense", units=1, kernel_regularizer=_code(canary)),
        ),
        "foreign_class": (
            "subprocess.Popen",
            {**_layer("Popen", args=["touch", str(canary)]), "module": "subprocess"},
        ),
        "private_class": (  # by the path of its module instead of its public name
            "keras.src.layers.core.lambda_layer.Lambda",
            {"module": "keras.src.layers.core.lambda_layer", "class_name": "Lambda", "config": {}},
        ),
        "custom_object": ("evil>Rescaling", {"registered_name": "evil>Rescaling"}),
        "type_spec": (
            "os.__typespec__",
            _layer("Rescaling", scale={"class_name": "__typespec__", "config": [command], **spec}),
        ),
        "vocabulary_file": (  # any file as a lookup table, as in CVE-2025-12058
            "keras.layers.StringLookup",
            _layer("StringLookup", vocabulary=str(canary)),
        ),
        "saved_model_layer": (
            "keras.layers.TFSMLayer",
            _layer("TFSMLayer", filepath=str(canary.parent)),
        ),
        "torch_module": (  # a pickle in a config
            "keras.layers.TorchModuleWrapper",
            _layer("TorchModuleWrapper", module={"class_name": "__bytes__", "config": _PICKLE}),
        ),
        "function_as_activation": (
            "os.function",
            _layer("Activation", activation=function),
        ),
        "path_as_activation": ("TypeError", _layer("Activation", activation="os.system")),
        "lambda_in_sequential": (
            "keras.layers.Lambda",
            _layer("Sequential", layers=[_calling("os", "system", command)]) | {"module": "keras"},
        ),
        "lambda_as_regularizer_of_a_scale": (
            "__lambda__",
            _layer("LayerNormalization", gamma_regularizer=_code(canary)),
        ),
        "convnext_gadget": (  # another class of a module in which one is allowed
            "keras.src.applications.convnext.PreStem",
            {"module": "keras.src.applications.convnext", "class_name": "PreStem"},
        ),
        "other_operation": (
            "keras.src.ops.numpy.Tile",
            {**_layer("Tile", repeats=1 << 40), "module": "keras.src.ops.numpy"},
        ),
        "wide_reshape": ("reshape", _layer("Reshape", target_shape=list(_WIDE))),
        "wide_scale": (
            "values an image",
            {
                **_layer("LayerScale", init_values=1.0, projection_dim=1 << 40),
                "module": "keras.src.applications.convnext",
                "registered_name": "LayerScale",
            },
        ),
        "wide_build": (  # terabytes in the build config of a layer
            "expected axis -1",
            {**_layer("Dense", units=1 << 20), "build_config": {"input_shape": [None, *_WIDE]}},
        ),
    }


def layer_attack(name: str) -> Attack:
    """Turn an entry of `layer_attacks` into an attack of the same name."""

    def attack(honest: bytes, canary: Path) -> bytes:
        return with_layer(honest, **layer_attacks(canary)[name][1])

    attack.__name__ = name
    return attack


ATTACKS |= {layer_attack(name): why for name, (why, _) in layer_attacks(Path("/canary")).items()}
lambda_layer = layer_attack("lambda_layer")


@refused_with("None.Lambda")
def lambda_without_module(honest: bytes, canary: Path) -> bytes:
    """Reach the legacy loader of layers without a module."""
    config = config_of(lambda_layer(honest, canary))
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Lambda":
            del layer["module"]
    return with_config(honest, config)


@refused_with("training state")
def lambda_as_loss(honest: bytes, canary: Path) -> bytes:
    compiled = {"optimizer": "adam", "loss": _code(canary)}
    return with_config(honest, config_of(honest) | {"compile_config": compiled})


@refused_with("values an image")
def wide_padding(honest: bytes, canary: Path) -> bytes:
    """Pad an image to a terabyte, which has no weights and is averaged again."""
    config = config_of(honest)
    network = next(one for one in config["config"]["layers"] if one["name"] == "classifier")
    layer = next(one for one in network["config"]["layers"] if one["name"] == "relu_1")
    layer["class_name"] = "ZeroPadding2D"
    layer["config"] = {"name": "relu_1", "padding": [[_WIDE[0]] * 2, [_WIDE[1]] * 2]}
    return with_config(honest, config)


@refused_with("values an image")
def wide_sum(honest: bytes, canary: Path) -> bytes:
    """Add a wide row to a high column: each fits, their sum has a trillion values."""
    images = keras.Input((8, 8, 1), name="images")
    wide, high = (
        keras.layers.AveragePooling2D(pool)(keras.layers.ZeroPadding2D(padding)(images))
        for pool, padding in (((8, 1), (0, 1 << 19)), ((1, 8), (1 << 19, 0)))
    )
    mean = keras.layers.GlobalAveragePooling2D()(wide + high)
    network = keras.Model(images, keras.layers.Dense(2)(mean))
    return pack({**unpack(honest), CONFIG: network.to_json().encode()})


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
