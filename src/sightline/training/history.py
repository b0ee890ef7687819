"""The history of a training: counts steps, times epochs, reports progress."""

import logging
import time

import keras
import numpy as np

from sightline.config import TrainingConfig
from sightline.pipeline.progress import INTERVAL, Progress, emit
from sightline.training import step_history
from sightline.training.checkpoints import Position
from sightline.training.epoch_plan import EpochPlan
from sightline.training.step_history import Point

_log = logging.getLogger(__name__)


class History(keras.callbacks.Callback):
    """Keeps one row per epoch, reports progress, and stops a training that no longer improves.

    Time spent on validation does not count.
    """

    def __init__(self, plan: EpochPlan, settings: TrainingConfig, start: Position) -> None:
        """Continue from a position."""
        super().__init__()
        self._plan = plan
        self._epochs = settings.epochs
        self._patience = settings.early_stopping
        self._start = start
        self._reported = 0.0
        self._epoch, self._step, self._seconds = start.epoch, start.step, start.seconds
        self.rows: list[dict[str, int | float]] = [dict(row) for row in start.history]
        self.points = [dict(point) for point in start.points]

    @property
    def steps(self) -> int:
        """Steps since the start of the training."""
        return self._epoch * self._plan.steps + self._step

    @property
    def steps_left(self) -> int:
        """Remaining steps of the current epoch."""
        return self._plan.steps - self._step

    @property
    def stopped(self) -> str | None:
        """Why the training ends before its last epoch, in a sentence; None if it does not."""
        count = len(self.rows)
        if self._patience is None or count in {0, self._epochs}:
            return None
        losses = np.nan_to_num([row["val_loss"] for row in self.rows], nan=np.inf)
        worse = count - 1 - int(losses.argmin())
        if worse < self._patience:
            return None
        epochs = "1 epoch" if worse == 1 else f"{worse:,} epochs"
        return f"Stopped after epoch {count:,}: no lower validation loss for {epochs}."

    @property
    def examples(self) -> int:
        """Images of all finished epochs together."""
        return self._plan.examples * len(self.rows)

    def images_per_second(self) -> float:
        """Return the training images per second over all epochs, without validation."""
        return self.examples / sum(float(row["seconds"]) for row in self.rows)

    def intervals(self) -> list[Point]:
        """Return the rows of the table of steps."""
        return step_history.of_intervals(self.points, self._plan)

    def position(self, last: Position) -> Position:
        """Update the last position to the current step."""
        update: dict[str, object] = {
            "epoch": self._epoch,
            "step": self._step,
            "steps": self.steps,
            "seconds": self._seconds,
            "history": tuple(self.rows),
            "points": tuple(self.points),
        }
        return last.model_copy(update=update)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock of the epoch, or continue that of a partial epoch."""
        self._epoch = epoch
        resumed = epoch == self._start.epoch
        self._first_step = self._step = self._start.step if resumed else 0
        self._seconds = self._start.seconds if resumed else 0.0
        self._started = time.monotonic() - self._seconds

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock after each batch, before any validation, and report progress."""
        now = time.monotonic()
        # Keras counts the last call in full, also if the epoch ends within it
        self._step = min(self._first_step + batch + 1, self._plan.steps)
        self._seconds = now - self._started
        if step_history.is_due(self.points, self.steps, self._plan.steps * self._epochs):
            means = {name: float((logs or {})[name]) for name in ("loss", "accuracy")}
            rate = self._learning_rate()
            self.points.append({"step": self.steps, **means, "learning_rate": rate})
        if now - self._reported >= INTERVAL:
            self._reported = now
            self._report(self._step, logs or {}, epoch_done=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add the row of the epoch; stop if the validation loss has not improved for too long."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, **metrics, "learning_rate": self._learning_rate()}
        rate = self._plan.examples / self._seconds
        self.rows.append({**row, "seconds": self._seconds, "images_per_second": rate})
        if self.stopped:
            _log.warning(self.stopped)
            self.model.stop_training = True
        self._report(self._plan.steps, metrics, epoch_done=True)
        self._epoch, self._step, self._seconds = epoch + 1, 0, 0.0

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _report(self, steps: int, logs: dict[str, float], *, epoch_done: bool) -> None:
        rate = steps / self._plan.steps * self._plan.examples / max(self._seconds, 1e-9)
        emit(
            Progress(
                stage="train",
                done=steps,
                total=self._plan.steps,
                epoch=self._epoch + 1,
                epochs=len(self.rows) if self.stopped else self._epochs,
                facts={name: float(value) for name, value in logs.items()}
                | {"images_per_second": rate},
                epoch_done=epoch_done,
            )
        )
