"""What a prediction costs. Runs in the Keras process."""

import math

import keras

from sightline.models import mirrored


def multiplications(model: keras.Model) -> int:
    """Estimate the multiplications for one image: each weight of a layer, at each place of it."""
    if (network := mirrored.applied_twice(model)) is not None:
        return 2 * multiplications(network)
    return sum(_of_layer(layer) for layer in model.layers)


def _of_layer(layer: keras.Layer) -> int:
    if isinstance(layer, keras.Model):
        return multiplications(layer)
    if not layer.weights:
        return 0
    shapes = [output.shape[1:-1] for output in keras.tree.flatten(layer.output)]
    places = max(math.prod(side or 1 for side in shape) for shape in shapes)
    return int(layer.count_params() * places)
