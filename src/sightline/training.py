"""Fit the model: compile, feed batches, watch, export.

Runs inside the Keras process. The order of the examples is a function of (seed, epoch)
alone and the initial weights are one of the seed, so that equal inputs on one environment
give equal weights.
"""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from keras.optimizers.schedules import LearningRateSchedule
from numpy.typing import NDArray

from sightline import gpu, keras_files, runtime
from sightline.arrays import open_mapped
from sightline.caching import Draft, find_or_make
from sightline.config import FitConfig
from sightline.errors import StageError
from sightline.progress import Progress, emit
from sightline.records import ArraySet, ArraySplit, ModelBlueprint, Run, TrainedModel
from sightline.stages import TRAIN

_REPORT_INTERVAL = 0.1
"""Seconds between two progress reports within an epoch."""


def train(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: FitConfig
) -> TrainedModel:
    """Fit the model and export it with its preprocessing inside.

    Args:
        run: Where to work.
        arrays: Training arrays; the validation split, where there is one, is only watched.
        blueprint: The untrained model.
        settings: Optimizer, batch size, epochs, seed, device.

    Returns:
        The exported model, the digest of its weights, the history and what was measured.

    Raises:
        DeviceError: The demanded device is not there.
        StageError: The weights are no longer finite.
    """

    def make(draft: Draft) -> TrainedModel:
        device = runtime.resolve_device(settings.device)
        with keras.device(f"{device}:0"):
            batches = Batches(run.root, arrays.splits["train"], settings.batch_size, settings.seed)
            steps = batches.num_batches * settings.epochs
            model = _compiled(run.root, blueprint, settings, steps)
            watch = _fit(run.root, model, batches, arrays, settings)
        _check_finite(model, settings)
        keras_files.export(model, draft.path("model.keras"))
        pq.write_table(
            pa.Table.from_pylist(watch.rows),
            draft.path("history.parquet"),
            write_page_checksum=True,
        )
        return TrainedModel(
            model=draft.record("model.keras"),
            weights_sha256=keras_files.weights_sha256(model),
            history=draft.record("history.parquet"),
            epochs=settings.epochs,
            device=runtime.describe_device(device),
            images_per_second=round(watch.images_per_second(), 1),
            peak_memory_bytes=runtime.peak_memory_bytes(),
            peak_device_memory_bytes=runtime.peak_device_memory_bytes(device),
            gpus=gpu.visible(),
            environment=runtime.environment(),
        )

    return find_or_make(run, TRAIN, TRAIN.key(arrays, blueprint, settings), make)


class Batches(keras.utils.PyDataset):
    """Shuffled batches from memory-mapped arrays; the order depends on (seed, epoch) alone."""

    def __init__(self, root: Path, split: ArraySplit, batch_size: int, seed: int | None) -> None:
        """Open the arrays.

        Args:
            root: The artifacts root.
            split: The arrays.
            batch_size: Examples a batch; the last batch may be smaller.
            seed: Seed of the order; None keeps the stored order.
        """
        super().__init__()
        self._images = open_mapped(root / split.images.path)
        self._labels = open_mapped(root / split.labels.path)
        self._batch_size = batch_size
        self._seed = seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch, counted from 0."""
        count = len(self._images)
        self._order = (
            np.arange(count)
            if self._seed is None
            else np.random.default_rng([self._seed, epoch]).permutation(count)
        )

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return -(-len(self._images) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return float32 images (m, height, width, channels) and one-hot labels (m, classes)."""
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._images[rows], self._labels[rows]


class Watch(keras.callbacks.Callback):
    """Starts each epoch's order, measures it and reports progress."""

    def __init__(self, batches: Batches, images: int, epochs: int) -> None:
        """Watch `epochs` epochs of `images` images each."""
        super().__init__()
        self._batches = batches
        self._images = images
        self._epochs = epochs
        self._reported = 0.0
        self.rows: list[dict[str, Any]] = []

    def images_per_second(self) -> float:
        """Return the training images a second over all epochs, validation left out."""
        seconds = sum(float(row["seconds"]) for row in self.rows)
        return self._images * len(self.rows) / seconds

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Choose the epoch's order and start its clock."""
        self._batches.start_epoch(epoch)
        self._epoch = epoch
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock after each batch, so that validation does not count, and report."""
        now = time.monotonic()
        self._seconds = now - self._started
        if now - self._reported >= _REPORT_INTERVAL:
            self._reported = now
            self._report(batch + 1, logs or {}, epoch_done=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch's row of the history."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        rate = self._images / self._seconds
        self.rows.append(
            {
                "epoch": epoch + 1,
                **metrics,
                "seconds": self._seconds,
                "images_per_second": rate,
            }
        )
        self._report(self._batches.num_batches, metrics, epoch_done=True)

    def _report(self, steps: int, logs: dict[str, float], *, epoch_done: bool) -> None:
        share = steps / self._batches.num_batches
        rate = share * self._images / max(self._seconds, 1e-9)
        emit(
            Progress(
                stage="train",
                done=steps,
                total=self._batches.num_batches,
                epoch=self._epoch + 1,
                epochs=self._epochs,
                facts={name: float(value) for name, value in logs.items()}
                | {"images_per_second": rate},
                epoch_done=epoch_done,
            )
        )


def _compiled(
    root: Path, blueprint: ModelBlueprint, settings: FitConfig, steps: int
) -> keras.Model:
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    model = keras_files.read_architecture(root / blueprint.architecture.path)
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _optimizer(settings: FitConfig, steps: int) -> keras.optimizers.Optimizer:
    rate = _learning_rate(settings, steps)
    return keras.optimizers.get(
        {"class_name": settings.optimizer, "config": {"learning_rate": rate}}
    )


def _learning_rate(settings: FitConfig, steps: int) -> float | LearningRateSchedule:
    """Return the rate, or its course over all steps of the training."""
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    return settings.learning_rate


def _fit(
    root: Path, model: keras.Model, batches: Batches, arrays: ArraySet, settings: FitConfig
) -> Watch:
    watch = Watch(batches, arrays.splits["train"].images.shape[0], settings.epochs)
    held_out = arrays.splits.get("validation")
    model.fit(
        batches,
        epochs=settings.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[watch],
        validation_data=held_out and Batches(root, held_out, settings.batch_size, seed=None),
    )
    return watch


def _check_finite(model: keras.Model, settings: FitConfig) -> None:
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            raise StageError(
                f"The weights of {weight.path} are no longer finite after training; lower "
                f"training.learning_rate (now {settings.learning_rate})."
            )
