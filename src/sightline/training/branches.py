"""Towers: parts of a batch that go through one network side by side.

Runs inside the Keras process. The operations of a small network are too short to be worth
sharing among cores; several of them at a time, each on a core of its own, are. Normalised
layers take each part's own mean and variance, dropout and augmentation draw for each part.
"""

import keras


def side_by_side(
    model: keras.Model, ghost_batches: int, change: keras.layers.Layer | None = None
) -> keras.Model:
    """Make a model that takes a batch in parts.

    Args:
        model: Takes images of shape (m, height, width, channels).
        ghost_batches: How many parts.
        change: What changes the images of a part while training, before the network sees them.

    Returns:
        A model with the same weights from the parts (a list; for a single one, the images
        themselves) to the outputs for the whole batch, in order. The model itself where there
        is a single part and nothing is changed.
    """
    if ghost_batches == 1 and change is None:
        return model
    parts = [keras.Input(model.input_shape[1:], name=f"part_{n + 1}") for n in range(ghost_batches)]
    outputs = [model(part if change is None else change(part)) for part in parts]
    joined = (
        keras.layers.Concatenate(axis=0, name="whole")(outputs) if ghost_batches > 1 else outputs[0]
    )
    return keras.Model(parts if ghost_batches > 1 else parts[0], joined, name="ghost_batches")
