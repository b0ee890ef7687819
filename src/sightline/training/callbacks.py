"""The history of a training: counts steps, measures epochs, reports progress."""

import time

import keras

from sightline.pipeline.progress import Progress, emit
from sightline.training.checkpoints import Position

_REPORT_INTERVAL = 0.1
"""Seconds between two progress reports within an epoch."""


class History(keras.callbacks.Callback):
    """Keeps one row an epoch and reports progress; validation does not count as training."""

    def __init__(self, images: int, steps_per_epoch: int, epochs: int, begin: Position) -> None:
        """Go on from a position.

        Args:
            images: Training images an epoch.
            steps_per_epoch: Steps of a whole epoch.
            epochs: Epochs in all.
            begin: Where the training stands.
        """
        super().__init__()
        self._images = images
        self._per_epoch = steps_per_epoch
        self._epochs = epochs
        self._begin = begin
        self._reported = 0.0
        self._epoch, self._step, self._seconds = begin.epoch, begin.step, begin.seconds
        self.rows: list[dict[str, int | float]] = [dict(row) for row in begin.history]

    @property
    def steps(self) -> int:
        """Steps done in all."""
        return self._epoch * self._per_epoch + self._step

    @property
    def steps_left(self) -> int:
        """Steps left in the epoch under way."""
        return self._per_epoch - self._step

    def images_per_second(self) -> float:
        """Return the training images a second over all epochs, validation left out."""
        seconds = sum(float(row["seconds"]) for row in self.rows)
        return self._images * len(self.rows) / seconds

    def position(self, last: Position) -> Position:
        """Return where the training stands now; all else is taken from the last position."""
        return last.model_copy(
            update={
                "epoch": self._epoch,
                "step": self._step,
                "steps": self.steps,
                "seconds": self._seconds,
                "history": tuple(self.rows),
            }
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the epoch's clock, or go on with that of a half-done epoch."""
        self._epoch = epoch
        halfway = epoch == self._begin.epoch
        self._first_step = self._step = self._begin.step if halfway else 0
        self._seconds = self._begin.seconds if halfway else 0.0
        self._started = time.monotonic() - self._seconds

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock after each batch, so that validation does not count, and report."""
        now = time.monotonic()
        self._step = self._first_step + batch + 1
        self._seconds = now - self._started
        if now - self._reported >= _REPORT_INTERVAL:
            self._reported = now
            self._report(self._step, logs or {}, epoch_done=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch's row."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        rate = self._images / self._seconds
        self.rows.append(
            {"epoch": epoch + 1, **metrics, "seconds": self._seconds, "images_per_second": rate}
        )
        self._report(self._per_epoch, metrics, epoch_done=True)
        self._epoch, self._step, self._seconds = epoch + 1, 0, 0.0

    def _report(self, steps: int, logs: dict[str, float], *, epoch_done: bool) -> None:
        rate = steps / self._per_epoch * self._images / max(self._seconds, 1e-9)
        emit(
            Progress(
                stage="train",
                done=steps,
                total=self._per_epoch,
                epoch=self._epoch + 1,
                epochs=self._epochs,
                facts={name: float(value) for name, value in logs.items()}
                | {"images_per_second": rate},
                epoch_done=epoch_done,
            )
        )
