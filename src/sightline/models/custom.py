"""The user's own Keras model: from a function that the config names, or from a `.keras` file.

Runs in the Keras process, the function too.
"""

import importlib
import json
import sys
from pathlib import Path

import keras
import numpy as np

from sightline.config import CustomConfig
from sightline.errors import ConfigError
from sightline.models import file_checks, keras_files
from sightline.models.allowed_classes import CLASSES
from sightline.models.refusals import Refusal
from sightline.storage import digests

_LAYERS = sorted(name for module, name in CLASSES if module == "keras.layers")
_LARGEST_SUM_ERROR = 1e-3  # Of the probabilities of an image, which sum to 1


def classifier(
    image_shape: tuple[int, int, int], num_classes: int, settings: CustomConfig
) -> keras.Model:
    """Build the model that the settings name and check it; see `CustomConfig`.

    Returns a functional model from float32 images (batch, *image_shape) in [0, 1] to float32 class
    probabilities (batch, num_classes). Raises ConfigError if there is no such function, it fails,
    or its model has another input or output or layers that model files may not contain, and
    ModelFileError if the file cannot be read.
    """
    if settings.file is not None:
        source = f"model.file ({settings.file})"
        model = keras_files.read_model(settings.file, settings.sha256)
    else:
        source = f"model.build ({settings.build})"
        model = _call(settings, image_shape, num_classes)
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ConfigError(
            f"{source} gives {type(model).__name__}; expected a keras.Model made of layers, as "
            "keras.Model(inputs, outputs) or keras.Sequential with a keras.Input."
        )
    _check_shapes(model, image_shape, num_classes, source)
    # A new model around the same layers has no compile state and is functional.
    network = keras.Model(model.inputs[0], model.outputs[0], name="classifier")
    _check_layers(network, source)
    _check_probabilities(network, source)
    return network


def _call(settings: CustomConfig, image_shape: tuple[int, int, int], num_classes: int) -> object:
    """Import the module again, since its source may have changed, and call the function."""
    build = str(settings.build)
    module, _, name = build.partition(":")
    sys.modules.pop(module, None)
    importlib.invalidate_caches()
    folder = str(Path.cwd())
    sys.path.append(folder)
    try:
        imported = importlib.import_module(module)
        if settings.sha256 not in {None, digests.sha256(Path(str(imported.__file__)))}:
            raise ConfigError(
                f"model.build is {build!r}, but {module} was imported from {imported.__file__}, "
                "whose source is not the pinned one; run again in a new process."
            )
        function = getattr(imported, name, None)
        if not callable(function):
            raise ConfigError(
                f"model.build is {build!r}, but {module} has no function {name!r}; expected "
                "module:function."
            )
        return function(image_shape=image_shape, num_classes=num_classes)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"model.build ({build}) failed with {type(error).__name__}: {error}; expected a "
            "function of image_shape and num_classes that returns a keras.Model."
        ) from error
    finally:
        sys.path.remove(folder)


def _check_layers(network: keras.Model, source: str) -> None:
    """Refuse layers that neither a checkpoint's architecture nor an exported file may contain."""
    for layer in json.loads(network.to_json())["config"]["layers"]:
        try:
            file_checks.check_objects(layer)
        except Refusal as refusal:
            raise ConfigError(
                f"The layer {layer['name']!r} of {source} cannot be used: {refusal}; use only "
                f"these layers: {', '.join(_LAYERS)}."
            ) from None


def _check_shapes(
    network: keras.Model, image_shape: tuple[int, int, int], num_classes: int, source: str
) -> None:
    shapes = [tuple(tensor.shape) for tensor in (*network.inputs, *network.outputs)]
    expected = [(None, *image_shape), (None, num_classes)]
    if shapes != expected or network.inputs[0].dtype != "float32":
        raise ConfigError(
            f"{source} gives a model from {network.inputs[0].dtype} {shapes[0]} to {shapes[-1]} "
            f"with {len(network.inputs)} input(s) and {len(network.outputs)} output(s); expected "
            f"one from float32 {expected[0]} to {expected[1]}."
        )


def _check_probabilities(network: keras.Model, source: str) -> None:
    blank = np.zeros((1, *network.input_shape[1:]), np.float32)
    probabilities = np.asarray(network(blank, training=False))
    total = float(probabilities.sum())
    sums_to_one = abs(total - 1) <= _LARGEST_SUM_ERROR and probabilities.min() >= 0
    if probabilities.dtype != np.float32 or not sums_to_one:
        raise ConfigError(
            f"{source} gives {probabilities.dtype} values for a black image, from "
            f"{probabilities.min():.3g} to {probabilities.max():.3g} with the sum {total:.3g}; "
            "expected float32 probabilities: end with activation='softmax'."
        )
