"""Levers for accuracy that the recipe `accurate` does without, tried on held-out images.

Usage: python benchmarks/levers.py --data-dir DIRECTORY [--epochs 15] [--seed 0]
           [--mixup 0.2] [--cutout 8] [--optimizer lion --learning-rate 0.0005 --weight-decay 0.4]
           [--width 2 --dense 64] [--teachers MODEL.keras ...] [--save MODEL.keras]

Mixing of images (H. Zhang et al., "mixup", 2018), squares cut out (T. DeVries and G. W. Taylor,
"Cutout", 2017), Lion (X. Chen et al., 2023), a wider network, and distillation (G. Hinton, O.
Vinyals and J. Dean, 2015) from networks that were saved here. A loop of its own, on TensorFlow
alone, with the recipe's network, augmentation, batches in two parts and one cycle of the learning
rate; the test split is never looked at.
"""

import argparse
import os
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers.schedules import CosineDecay

from sightline.config import ModelConfig, RunConfig, loading
from sightline.data import ingest, locate, preprocess
from sightline.models import build, keras_files
from sightline.records import ArraySet, Run
from sightline.storage.npy import open_mapped
from sightline.storage.workspace import Workspace
from sightline.training import precision
from sightline.training.augmentation import augmentation

HELD_OUT = 10_000
PARTS = 2
RISE = 0.25
EDGE = 2
"""Pixels from the border that no square is centred on."""


def prepared(root: Path, data_dir: Path, config: RunConfig) -> tuple[ArraySet, Path]:
    """Return the arrays, and the architecture's file."""
    run = Run(id="levers", workspace=Workspace(root), data_dir=data_dir)
    files = ingest.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    return arrays, root / build.build(run, arrays, config.model).architecture.path


def widened(settings: ModelConfig, width: int, dense: int | None) -> ModelConfig:
    """Multiply the filters."""
    steps = tuple(
        step.model_copy(update={"filters": width * step.filters}) for step in settings.convolutions
    )
    update = {"convolutions": steps, "dense_units": dense or settings.dense_units}
    return settings.model_copy(update=update)


def optimizer(asked: argparse.Namespace, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimizer, with one cycle of the learning rate."""
    rise, highest = round(RISE * steps), asked.learning_rate
    rate = CosineDecay(0.0, steps - rise, warmup_target=highest, warmup_steps=rise)
    options = {"learning_rate": rate, "weight_decay": asked.weight_decay}
    made = keras.optimizers.get({"class_name": asked.optimizer, "config": options})
    made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


class Step:
    """One step of the training, as a graph."""

    def __init__(
        self, network: keras.Model, teachers: list[keras.Model], asked: argparse.Namespace
    ) -> None:
        """Take the networks and what was asked for."""
        self._network, self._teachers, self._asked = network, teachers, asked
        settings = loading.load("accurate").training
        self._smoothing = settings.label_smoothing
        self._warp = augmentation(settings.augmentation, asked.seed)

    def loss(self, images: Any, labels: Any) -> Any:
        """Return the mean loss of float32 images (n, height, width, 1), one-hot labels."""
        images = self._cut(self._warp(images, training=True))
        labels = labels * (1 - self._smoothing) + self._smoothing / labels.shape[1]
        if self._asked.mixup:
            first, second = tf.unstack(tf.random.gamma((2,), self._asked.mixup))
            share = tf.maximum(first, second) / (first + second)
            images = share * images + (1 - share) * tf.roll(images, 1, 0)
            labels = share * labels + (1 - share) * tf.roll(labels, 1, 0)
        if self._teachers:
            said = sum(teacher(images, training=False) for teacher in self._teachers)
            taught = tf.stop_gradient(said / len(self._teachers))
            labels = self._asked.taught * taught + (1 - self._asked.taught) * labels
        answers = tf.cast(self._network(images, training=True), tf.float32)
        return tf.reduce_mean(keras.losses.categorical_crossentropy(labels, answers))

    def _cut(self, images: Any) -> Any:
        """Blacken a square in half of the images."""
        if not self._asked.cutout:
            return images
        count, (height, width) = tf.shape(images)[0], images.shape[1:3]
        rows = tf.range(float(height))[tf.newaxis, :, tf.newaxis, tf.newaxis]
        columns = tf.range(float(width))[tf.newaxis, tf.newaxis, :, tf.newaxis]
        row = tf.random.uniform((count, 1, 1, 1), EDGE, height - EDGE)
        column = tf.random.uniform((count, 1, 1, 1), EDGE, width - EDGE)
        far = tf.maximum(tf.abs(rows - row), tf.abs(columns - column)) >= self._asked.cutout / 2
        return tf.where(far | (tf.random.uniform((count, 1, 1, 1)) < 0.5), images, 0.0)


def train(
    network: keras.Model,
    teachers: list[keras.Model],
    arrays: tuple[Any, Any],
    asked: argparse.Namespace,
) -> None:
    """Fit the network."""
    images, labels = map(tf.constant, arrays)
    batch = loading.load("accurate").training.batch_size
    steps = len(arrays[0]) // batch
    change = optimizer(asked, steps * asked.epochs)
    change.build(network.trainable_variables)
    step = Step(network, teachers, asked)

    @tf.function
    def take(rows: Any) -> Any:
        with tf.GradientTape() as tape:
            parts = [
                step.loss(tf.gather(images, part), tf.gather(labels, part))
                for part in tf.split(rows, PARTS)
            ]
            loss = tf.add_n(parts) / PARTS
        gradients = tape.gradient(loss, network.trainable_variables)
        change.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    for epoch in range(asked.epochs):
        order = np.random.default_rng([asked.seed, epoch]).permutation(len(arrays[0]))
        losses = [take(tf.constant(rows)) for rows in order[: steps * batch].reshape(steps, -1)]
        print(f"epoch {epoch + 1} of {asked.epochs}: loss {np.mean(losses):.4f}", flush=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    settings = loading.load("accurate").training
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mixup", type=float, default=0.0, help="both parameters of the beta")
    parser.add_argument("--cutout", type=int, default=0, help="side of the squares in pixels")
    parser.add_argument("--optimizer", default=settings.optimizer)
    parser.add_argument("--learning-rate", type=float, default=settings.learning_rate)
    parser.add_argument("--weight-decay", type=float, default=settings.weight_decay)
    parser.add_argument("--width", type=int, default=1, help="times the recipe's filters")
    parser.add_argument("--dense", type=int, help="units of the dense layer")
    parser.add_argument("--teachers", type=Path, nargs="*", default=[])
    parser.add_argument("--taught", type=float, default=0.7, help="share of what teachers say")
    parser.add_argument("--save", type=Path)
    return parser.parse_args()


def main() -> None:
    """Train, and print how well the held-out images are told apart."""
    asked = arguments()
    config = loading.load(
        "accurate", overrides=[f"preprocessing.validation_fraction={HELD_OUT / 60_000}"]
    )
    config = config.model_copy(update={"model": widened(config.model, asked.width, asked.dense)})
    with TemporaryDirectory() as folder:
        arrays, architecture = prepared(Path(folder), asked.data_dir, config)
        keras.utils.set_random_seed(asked.seed)
        network = keras_files.read_architecture(architecture)
        (images, labels), held_out = (
            tuple(
                np.array(open_mapped(Path(folder, array.path)))
                for array in (arrays.splits[name].images, arrays.splits[name].labels)
            )
            for name in ("train", "validation")
        )
    teachers = [
        keras_files.without_preprocessing(keras_files.read_model(path)) for path in asked.teachers
    ]
    started = time.monotonic()
    with ExitStack() as stack:
        for one in (network, *teachers):
            stack.enter_context(precision.computing_in(one, precision.resolve("auto", "cpu")))
        train(network, teachers, (images, labels), asked)
    seconds = time.monotonic() - started
    network.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = network.evaluate(*held_out, batch_size=1000, verbose=0)
    print(
        f"{network.count_params():,} parameters, {asked.epochs} epochs, seed {asked.seed}: "
        f"{accuracy:.2%} held out, loss {loss:.4f}, {seconds:.0f} s"
    )
    if asked.save:
        keras_files.export(network, asked.save)


if __name__ == "__main__":
    main()
