"""The tutorial as one plain Keras script: what Sightline's overhead is measured against.

Usage: python benchmarks/plain_keras.py DIRECTORY [--seed 0] [--epochs 5] [--examples 60000]

Prints JSON: the seconds of fit, the images a second of its last epoch, the test accuracy.
"""

import argparse
import gzip
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers


def read(folder: Path, name: str, offset: int) -> np.ndarray:
    """Read one IDX file, plain or compressed, as flat uint8."""
    path = folder / name
    content = path.read_bytes() if path.exists() else gzip.decompress(_compressed(path))
    return np.frombuffer(content, np.uint8, offset=offset)


def _compressed(path: Path) -> bytes:
    return path.with_name(path.name + ".gz").read_bytes()


def network() -> keras.Model:
    """Make the tutorial's network."""
    images = keras.Input((28, 28, 1))
    features = images
    for filters, stride in [(32, 1), (32, 2), (64, 1), (64, 2), (64, 1), (64, 1)]:
        features = layers.Conv2D(filters, 3, strides=stride, padding="same")(features)
        features = layers.ReLU()(features)
    features = layers.GlobalAveragePooling2D()(features)
    features = layers.Dense(32, activation="relu")(features)
    return keras.Model(images, layers.Dense(10, activation="softmax")(features))


class Clock(keras.callbacks.Callback):
    """Stops the time of each epoch; looks at the test set in between where that is wanted."""

    def __init__(self, test: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Start the clock; look at the test set where one is given."""
        super().__init__()
        self.test = test
        self.seconds: list[float] = []
        self.accuracies: list[float] = []
        self.started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock, look, and start it again."""
        self.seconds.append(time.monotonic() - self.started)
        if self.test:
            self.accuracies.append(self.model.evaluate(*self.test, verbose=0)[1])
        self.started = time.monotonic()


def main(asked: argparse.Namespace) -> dict[str, float | list[float]]:
    """Load, fit, evaluate."""
    keras.utils.set_random_seed(asked.seed)
    arrays = []
    for split in ("train", "t10k"):
        images = read(asked.folder, f"{split}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
        arrays.append(images.astype("float32") / 255)
        labels = read(asked.folder, f"{split}-labels-idx1-ubyte", 8)
        arrays.append(keras.utils.to_categorical(labels, 10))
    x_train, y_train = (array[: asked.examples] for array in arrays[:2])
    x_test, y_test = arrays[2:]
    model = network()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    clock = Clock((x_test, y_test) if asked.watch else None)
    model.fit(x_train, y_train, batch_size=32, epochs=asked.epochs, verbose=0, callbacks=[clock])
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return {
        "fit_seconds": sum(clock.seconds),
        "fit_images_per_second": len(x_train) / clock.seconds[-1],
        "test_accuracy": accuracy,
        "epoch_seconds": clock.seconds,
        "epoch_accuracies": clock.accuracies,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--watch", action="store_true", help="test after each epoch, off the clock")
    print(json.dumps(main(parser.parse_args())))
