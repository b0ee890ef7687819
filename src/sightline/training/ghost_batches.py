"""Ghost batches: parts of a batch that pass through one model in parallel.

Runs in the Keras process. The operations of a small model are too short to be split among cores;
several at a time, each on its own core, are not. Batch normalization uses the mean and variance of
each part; dropout and augmentation draw for each part.
"""

import keras


def side_by_side(
    model: keras.Model, ghost_batches: int, augmentation: keras.layers.Layer | None = None
) -> keras.Model:
    """Build a model that augments and processes the parts of a batch in parallel.

    It has the same weights, and maps a list of parts (m, height, width, channels), or one part
    itself, to the outputs for the complete batch, in order. With one part and no augmentation, it
    is the model itself.
    """
    if ghost_batches == 1 and augmentation is None:
        return model
    parts = [keras.Input(model.input_shape[1:], name=f"part_{n + 1}") for n in range(ghost_batches)]
    outputs = [model(part if augmentation is None else augmentation(part)) for part in parts]
    if ghost_batches == 1:
        return keras.Model(parts[0], outputs[0], name="ghost_batches")
    joined = keras.layers.Concatenate(axis=0, name="whole")(outputs)
    return keras.Model(parts, joined, name="ghost_batches")
