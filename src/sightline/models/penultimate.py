"""What the last layer with weights sees of an image: its features. Runs in the Keras process."""

import keras

from sightline.models import keras_files, mirrored

_RANK_OF_MAPS = 4  # Batch, height, width, channels
_POOLED, _JOINED = "sightline_features", "sightline_joined"
"""Names of the layers that are added: the default ones may be in the user's network."""


def with_features(model: keras.Model) -> keras.Model:
    """Return an exported model that appends an image's features to its class probabilities.

    It maps uint8 images to float32 (batch, num_classes + width) and shares the model's weights. The
    features are the input of the last layer with weights, averaged over height and width; those of
    a network in which that is no single tensor are the class probabilities again.
    """
    return keras_files.with_preprocessing(joined(keras_files.without_preprocessing(model)))


def joined(network: keras.Model) -> keras.Model:
    """Return the same for the network in an exported model, from float32 images in [0, 1]."""
    features = _penultimate(network)
    if features is None:
        features = network.outputs[0]
    elif len(features.shape) == _RANK_OF_MAPS:
        features = keras.layers.GlobalAveragePooling2D(dtype="float32", name=_POOLED)(features)
    else:
        features = keras.layers.Flatten(dtype="float32", name=_POOLED)(features)
    join = keras.layers.Concatenate(dtype="float32", name=_JOINED)
    return keras.Model(network.inputs, join([network.outputs[0], features]))


def _penultimate(network: keras.Model) -> keras.KerasTensor | None:
    if (inner := mirrored.applied_twice(network)) is not None:  # of the image, not its mirror image
        found = _penultimate(inner)
        return None if found is None else keras.Model(inner.inputs, found)(network.inputs[0])
    last = next((layer for layer in reversed(network.layers) if layer.weights), None)
    try:
        found = last.input if last is not None else None
        if not isinstance(found, keras.KerasTensor):  # none, or several
            return None
        keras.Model(network.inputs, found)  # of a network within the network, another graph
    except (AttributeError, ValueError):
        return None
    return found
