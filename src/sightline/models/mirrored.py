"""A network that also looks at the mirror image. Runs in the Keras process."""

import keras
from keras import layers, ops


def averaged(model: keras.Model) -> keras.Model:
    """Return a model that averages the probabilities for each image and its mirror image.

    Like `model`, whose weights it has, it maps float32 images (batch, height, width, channels) in
    [0, 1] to float32 class probabilities (batch, num_classes).
    """
    images = keras.Input(model.input_shape[1:], name="images")
    network = keras.Model(model.input, model.output, name="network")  # without training state
    both = [network(images), network(ops.flip(images, axis=2))]
    return keras.Model(images, layers.Average(name="average")(both), name="mirrored")
