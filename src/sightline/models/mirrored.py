"""A network that also looks at the mirror image. Runs in the Keras process."""

import keras
from keras import layers, ops

_NETWORK = "network"


def averaged(model: keras.Model) -> keras.Model:
    """Return a model that averages the probabilities for each image and its mirror image.

    Like `model`, whose weights it has, it maps float32 images (batch, height, width, channels) in
    [0, 1] to float32 class probabilities (batch, num_classes).
    """
    images = keras.Input(model.input_shape[1:], name="images")
    network = keras.Model(model.input, model.output, name=_NETWORK)  # without training state
    both = [network(images), network(ops.flip(images, axis=2))]
    return keras.Model(images, layers.Average(name="average")(both), name="mirrored")


def applied_twice(model: keras.Model) -> keras.Model | None:
    """Return the network that an `averaged` model applies twice; None for another model."""
    found = [one for one in model.layers if one.name == _NETWORK and isinstance(one, keras.Model)]
    return found[0] if found and isinstance(model.layers[-1], layers.Average) else None
