"""A beginning that is a function of the seed alone: weights and the layers' random numbers.

Runs inside the Keras process. Where no seed is given, Keras draws one from Python's global
generator, where any thread of the process, a library's included, may draw in between.
"""

import random

import keras


def draw_seed(rng: random.Random) -> int:
    """Draw a seed as Keras draws one where none is given: from 1 to 1,000,000,000."""
    return rng.randint(1, 1_000_000_000)


def draw_by_seed(network: keras.Model, rng: random.Random) -> None:
    """Draw anew what Keras drew by chance: kernels, and where dropout begins.

    Args:
        network: Its layers are taken in order; what begins with constants stays.
        rng: Gives each layer its seed.
    """
    for layer in network.layers:
        initializer = getattr(layer, "kernel_initializer", None)
        if initializer is not None and "seed" in initializer.get_config():
            config = initializer.get_config() | {"seed": draw_seed(rng)}
            kernel = layer.kernel
            kernel.assign(initializer.from_config(config)(kernel.shape, kernel.dtype))
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign([draw_seed(rng), 0])
