"""Fine-tune EfficientNet-Lite0 on folders of photographs in the usual way: `model.fit` on images.

Prints the test accuracy as JSON. All layers are trained, batch normalization stays frozen, and
Keras' own layers augment; only the reader of the pretrained weights is Sightline's.
"""

import argparse
import json
from pathlib import Path

import keras

from sightline.config import BackboneConfig
from sightline.models import backbone

SIDE, BATCH = 224, 32


def load(folder: Path, seed: int | None) -> object:
    """Return batches of a split: float32 images from 0 to 255 and one-hot labels."""
    return keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        image_size=(SIDE, SIDE),
        crop_to_aspect_ratio=True,
        batch_size=BATCH,
        shuffle=seed is not None,
        seed=seed,
        verbose=False,
    )


def main() -> None:
    """Train and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    keras.utils.set_random_seed(given.seed)
    train = load(given.data_dir / "train", given.seed)
    model, _ = backbone.classifier((SIDE, SIDE, 3), len(train.class_names), BackboneConfig())
    backbone.freeze(model)
    augment = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomZoom((-0.3, 0.0), fill_mode="reflect"),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="reflect"),
            keras.layers.Rescaling(1 / 255),
        ]
    )
    images = keras.Input((SIDE, SIDE, 3))
    network = keras.Model(images, model(augment(images)))
    steps = given.epochs * len(train)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, 0.0, "decay", 3e-4, steps // 10)
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
    )
    network.fit(train, epochs=given.epochs, verbose=0)
    _, accuracy = network.evaluate(load(given.data_dir / "test", None), verbose=0)
    print(json.dumps({"test_accuracy": accuracy}))


if __name__ == "__main__":
    main()
