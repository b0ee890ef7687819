"""Train ResNet-20 on CIFAR-10 in the usual way: `model.fit`, Keras' layers, SGD, shifts and flips.

Prints the wall time and the test accuracy after each epoch as JSON. The network and its settings
are those of He et al., "Deep residual learning for image recognition" (2016), section 4.2, with a
cosine schedule instead of steps, since the epochs are few.
"""

import argparse
import io
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
from keras import layers
from PIL import Image

BATCH, RATE, DECAY = 128, 0.1, 1e-4


def load(path: Path) -> tuple[Any, Any]:
    """Read images (n, 32, 32, 3), float32 in [0, 1], and one-hot labels from a Parquet file."""
    table = pq.read_table(path)
    images, labels = table.columns[0].to_pylist(), table.columns[1].to_numpy()
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(one["bytes"]))) for one in images])
    return pixels.astype(np.float32) / 255, np.eye(10, dtype=np.float32)[labels]


def convolve(x: Any, filters: int, stride: int = 1) -> Any:
    """Convolve and normalize."""
    decay = keras.regularizers.L2(DECAY)
    x = layers.Conv2D(filters, 3, stride, "same", use_bias=False, kernel_regularizer=decay)(x)
    return layers.BatchNormalization()(x)


def resnet20() -> keras.Model:
    """Build three stages of three blocks; a shortcut to more filters pads with zeros."""
    images = keras.Input((32, 32, 3))
    x = layers.RandomTranslation(4 / 32, 4 / 32, fill_mode="constant")(images)
    x = layers.ReLU()(convolve(layers.RandomFlip("horizontal")(x), 16))
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if block == 0 and filters > 16 else 1
            y = convolve(layers.ReLU()(convolve(x, filters, stride)), filters)
            if stride == 2:
                x = keras.ops.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, filters // 2)))
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(10, "softmax")(x))


def main() -> None:
    """Train and print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    train, test = (
        load(next(given.data_dir.glob(f"{name}*.parquet"))) for name in ("train", "test")
    )
    keras.utils.set_random_seed(0)
    model = resnet20()
    steps = given.epochs * -(-len(train[0]) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    started, curve = time.monotonic(), []

    def note(epoch: int, logs: dict[str, float]) -> None:
        curve.append((time.monotonic() - started, logs["val_accuracy"]))

    model.fit(
        *train,
        batch_size=BATCH,
        epochs=given.epochs,
        validation_data=test,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
        verbose=0,
    )
    print(json.dumps({"curve": curve}))


if __name__ == "__main__":
    main()
