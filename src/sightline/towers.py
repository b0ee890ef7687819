"""Towers: parts of a batch that go through one network side by side.

Runs inside the Keras process. The operations of a small network are too short to be worth
sharing among cores; several of them at a time, each on a core of its own, are. Normalised
layers take each part's own mean and variance, dropout and augmentation draw for each part.
"""

import keras


def side_by_side(model: keras.Model, towers: int) -> keras.Model:
    """Make a model that takes a batch in parts.

    Args:
        model: Takes images of shape (m, height, width, channels).
        towers: How many parts.

    Returns:
        A model with the same weights from a list of parts to the outputs for the whole batch,
        in order; the model itself for a single part.
    """
    if towers == 1:
        return model
    parts = [keras.Input(model.input_shape[1:], name=f"part_{n + 1}") for n in range(towers)]
    joined = keras.layers.Concatenate(axis=0, name="whole")([model(part) for part in parts])
    return keras.Model(parts, joined, name="towers")
