"""The tutorial as a plain Keras script, which the benchmarks compare Sightline with.

Usage: python benchmarks/plain_keras.py --data-dir DIRECTORY [--seed 0] [--epochs 5]
           [--examples 60000] [--test-each-epoch]

Prints JSON.
"""

import gzip
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from harness import arguments
from keras import layers


def read(folder: Path, name: str, offset: int) -> np.ndarray:
    """Read one IDX file, plain or compressed, as flat uint8."""
    path = folder / name
    compressed = path.with_name(f"{name}.gz")
    content = path.read_bytes() if path.exists() else gzip.decompress(compressed.read_bytes())
    return np.frombuffer(content, np.uint8, offset=offset)


def network() -> keras.Model:
    """Build the tutorial's network."""
    images = keras.Input((28, 28, 1))
    features = images
    for filters, stride in [(32, 1), (32, 2), (64, 1), (64, 2), (64, 1), (64, 1)]:
        features = layers.Conv2D(filters, 3, strides=stride, padding="same")(features)
        features = layers.ReLU()(features)
    features = layers.GlobalAveragePooling2D()(features)
    features = layers.Dense(32, activation="relu")(features)
    return keras.Model(images, layers.Dense(10, activation="softmax")(features))


class Clock(keras.callbacks.Callback):
    """Times each epoch and, if a test set is given, evaluates in between, off the clock."""

    def __init__(self, test: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Start the clock."""
        super().__init__()
        self.test = test
        self.seconds: list[float] = []
        self.accuracies: list[float] = []
        self.started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the seconds, evaluate, and restart the clock."""
        self.seconds.append(time.monotonic() - self.started)
        if self.test:
            self.accuracies.append(self.model.evaluate(*self.test, verbose=0)[1])
        self.started = time.monotonic()


if __name__ == "__main__":
    given = arguments(__doc__, seed=0, epochs=5, examples=60_000, test_each_epoch=False)
    keras.utils.set_random_seed(given.seed)
    arrays = []
    for split in ("train", "t10k"):
        images = read(given.data_dir, f"{split}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
        labels = read(given.data_dir, f"{split}-labels-idx1-ubyte", 8)
        arrays += [images.astype("float32") / 255, keras.utils.to_categorical(labels, 10)]
    x_train, y_train = (array[: given.examples] for array in arrays[:2])
    test = arrays[2], arrays[3]
    model = network()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    clock = Clock(test if given.test_each_epoch else None)
    model.fit(x_train, y_train, batch_size=32, epochs=given.epochs, verbose=0, callbacks=[clock])
    found = {
        "fit_seconds": sum(clock.seconds),
        "test_accuracy": model.evaluate(*test, verbose=0)[1],
        "epoch_seconds": clock.seconds,
        "epoch_accuracies": clock.accuracies,
    }
    print(json.dumps(found))
