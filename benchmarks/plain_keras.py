"""The tutorial as one plain Keras script: what Sightline's overhead is measured against.

Usage: python benchmarks/plain_keras.py DIRECTORY_OF_THE_FOUR_IDX_FILES [SEED]
"""

import gzip
import os
import sys
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


def main(folder: Path, seed: int) -> None:
    """Load, fit, evaluate, and print the time of fit and the accuracy."""
    keras.utils.set_random_seed(seed)
    arrays = []
    for split in ("train", "t10k"):
        images = read(folder, f"{split}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)
        arrays.append(images.astype("float32") / 255)
        labels = read(folder, f"{split}-labels-idx1-ubyte", 8)
        arrays.append(keras.utils.to_categorical(labels, 10))
    x_train, y_train, x_test, y_test = arrays
    model = network()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    started = time.monotonic()
    model.fit(x_train, y_train, batch_size=32, epochs=5, verbose=0)
    seconds = time.monotonic() - started
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"fit {seconds:.1f} s, test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
