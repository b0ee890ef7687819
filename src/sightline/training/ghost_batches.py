"""Ghost batches: parts of a batch that pass through one model in parallel.

Runs in the Keras process. The operations of a small model are too short to be split among cores;
several at a time, each on its own core, are not. Batch normalization uses the mean and variance of
each part; dropout and augmentation draw for each part.
"""

import keras

from sightline.training.mixing import COLUMNS, Mix


def side_by_side(
    model: keras.Model,
    ghost_batches: int,
    augmentation: keras.layers.Layer | None = None,
    mixed: bool = False,
) -> keras.Model:
    """Build a model that augments and processes the parts of a batch in parallel.

    It has the same weights, and maps a list of parts (m, height, width, channels), or one part
    itself, to the outputs for the complete batch, in order. If images are mixed, the patches (m, 5)
    of each part follow the parts (`mixing`). With one part and no change, it is the model itself.
    """
    if ghost_batches == 1 and augmentation is None and not mixed:
        return model
    numbers = range(1, ghost_batches + 1)
    parts = [keras.Input(model.input_shape[1:], name=f"part_{n}") for n in numbers]
    patches = [keras.Input((COLUMNS,), name=f"patches_{n}") for n in numbers if mixed]
    mix = Mix(name="mix", dtype="float32")

    def output(number: int) -> keras.KerasTensor:
        images = parts[number] if augmentation is None else augmentation(parts[number])
        return model(mix([images, patches[number]]) if mixed else images)

    outputs = [output(number) for number in range(ghost_batches)]
    inputs = [*parts, *patches]
    whole = outputs[0]
    if ghost_batches > 1:
        whole = keras.layers.Concatenate(axis=0, name="whole")(outputs)
    return keras.Model(inputs if len(inputs) > 1 else parts[0], whole, name="ghost_batches")
