"""Initial weights and random states that are a function of the seed.

Runs in the Keras process. Without an explicit seed, Keras draws one from Python's global
generator, from which any other thread of the process may draw in between.
"""

import random
from collections.abc import Iterable

import keras

_KERNELS = ("kernel", "depthwise", "pointwise")
"""Names of initializers in Keras, before "_initializer"."""


def draw_seed(rng: random.Random) -> int:
    """Draw a seed as Keras does by default: from 1 to 1,000,000,000."""
    return rng.randint(1, 1_000_000_000)


def draw_by_seed(layers: Iterable[keras.layers.Layer], rng: random.Random) -> None:
    """Redraw the kernels and the states of dropout, layer by layer; constants stay."""
    for layer in layers:
        if isinstance(layer, keras.Model):
            draw_by_seed(layer.layers, rng)
            continue
        for prefix in _KERNELS:
            initializer = getattr(layer, f"{prefix}_initializer", None)
            if initializer is not None and "seed" in initializer.get_config():
                config = initializer.get_config() | {"seed": draw_seed(rng)}
                kernel = getattr(layer, f"{prefix}_kernel", None)
                kernel = layer.kernel if kernel is None else kernel
                kernel.assign(initializer.from_config(config)(kernel.shape, kernel.dtype))
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign([draw_seed(rng), 0])
