"""The state of a Keras training as arrays: everything that the next step depends on."""

import hashlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.training.checkpoints import Arrays

_PARTS = ("weights", "optimizer", "seeds", "metrics")


def prepare(model: keras.Model) -> None:
    """Create all variables of a compiled model with one output (batch, num_classes)."""
    if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        # Its own build would hide a variable of Nadam (Keras 3.15)
        model.optimizer.inner_optimizer.build(model.trainable_variables)
    model.optimizer.build(model.trainable_variables)
    nothing = np.zeros((1, *model.output_shape[1:]), np.float32)
    model.compute_metrics(None, nothing, nothing)
    model.reset_metrics()


def capture(model: keras.Model, *parts: str) -> Arrays:
    """Copy "weights", "optimizer", "seeds" or "metrics" of a prepared model, by default all.

    Returns arrays by name: the part and the number of the variable in it.
    """
    return {name: np.array(_values(variable)) for name, variable in _named(model, *parts)}


def restore(model: keras.Model, arrays: Arrays, *parts: str) -> None:
    """Restore what `capture` returned in a prepared model of the same architecture.

    Raises ValueError if an array is missing or has another shape.
    """
    for name, variable in _named(model, *parts):
        found = arrays.get(name)
        if found is None or found.shape != tuple(variable.shape):
            raise ValueError(f"{name} ({variable.path}) is missing or has another shape")
        variable.assign(found)


def first_not_finite(model: keras.Model, arrays: Arrays) -> str | None:
    """Return the path of the first weight or optimizer variable that is not finite, if any.

    A finite loss proves nothing: ReLU and pooling may turn NaN into numbers.
    """
    for name, variable in _named(model, "weights", "optimizer"):
        if not np.isfinite(arrays[name]).all():
            return str(variable.path)
    return None


def digest(model: keras.Model, part: str) -> str:
    """Return the SHA-256 of one part: path, dtype, shape and bytes of each variable in order."""
    found = hashlib.sha256()
    for _, variable in _named(model, part):
        values = _values(variable)
        found.update(f"{variable.path} {values.dtype} {values.shape}\n".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def _named(model: keras.Model, *parts: str) -> Iterator[tuple[str, Any]]:
    for part in parts or _PARTS:
        for number, variable in enumerate(_variables(model, part)):
            yield f"{part}_{number}", variable


def _variables(model: keras.Model, part: str) -> list[Any]:
    match part:
        case "weights":
            return list(model.weights)
        case "optimizer":
            return list(model.optimizer.variables)
        case "metrics":
            return list(model.metrics_variables)
    others = {id(variable) for variable in (*model.weights, *model.metrics_variables)}
    return [variable for variable in model.variables if id(variable) not in others]


def _values(variable: Any) -> NDArray[Any]:
    values: NDArray[Any] = keras.ops.convert_to_numpy(variable)
    return values
