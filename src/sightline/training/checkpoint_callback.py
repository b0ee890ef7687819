"""Writes checkpoints while a model is fitted, and keeps the best weights."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import keras

from sightline.config import TrainingConfig
from sightline.errors import DivergenceError
from sightline.training import state
from sightline.training.averages import averaged, take_averages
from sightline.training.checkpoints import Arrays, Checkpoint, Checkpoints, Position
from sightline.training.history import History

_LARGEST_SHARE = 0.02  # Largest share of the training time that checkpoints by time may take
# Exit code of a process that stopped on SIGTERM, as shells report it
_STOPPED = 128 + signal.SIGTERM
_BEST = "best_"
_log = logging.getLogger(__name__)


class CheckpointCallback(keras.callbacks.Callback):
    """Writes a checkpoint when one is due, and before the process stops on SIGTERM."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        history: History,
        settings: TrainingConfig,
        start: Checkpoint,
        *,
        leads: bool = True,
    ) -> None:
        """Continue from a restored checkpoint, which has no arrays for a new training.

        Of several machines, only the one that leads writes.
        """
        super().__init__()
        self._leads = leads
        self._checkpoints = checkpoints
        self._settings = settings
        self._start = start
        self._best: Arrays = {
            name.removeprefix(_BEST): values
            for name, values in start.arrays.items()
            if name.startswith(_BEST)
        }
        self._saved_at = time.monotonic()
        self._saved_steps = start.position.steps
        self._stop_requested = threading.Event()
        self.history = history
        self.position = start.position

    @contextmanager
    def saving_on_sigterm(self) -> Iterator[None]:
        """Stop after the next step on SIGTERM; signals reach the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, lambda *_: self._stop_requested.set())
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Restore the accumulated metrics of a partial epoch."""
        if epoch == self._start.position.epoch and self._start.position.step:
            state.restore(self.model, self._start.arrays, "metrics")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Save if a checkpoint is due; after the last step, `on_epoch_end` does."""
        if self.history.steps_left:
            self._save_if_due()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the best weights, and save if a checkpoint is due."""
        loss, best = (logs or {}).get("val_loss"), self.position.best_loss
        is_best = loss is not None and (best is None or loss < best)
        if self._settings.keep_weights == "best" and loss is not None and is_best:
            with averaged(self.model):
                self._best = state.capture(self.model, "weights")
            update = {"best_epoch": epoch + 1, "best_loss": float(loss)}
            self.position = self.position.model_copy(update=update)
        self._save_if_due()

    def finish(self, model: keras.Model) -> None:
        """Check the weights after the last step, and take their averages or the best ones.

        Raises DivergenceError if a weight is not finite.
        """
        self._check(model, state.capture(model))
        take_averages(model)
        if self._best:
            state.restore(model, self._best, "weights")

    def _save_if_due(self) -> None:
        if not (self._is_due() or self._stop_requested.is_set()):
            return
        if self._leads:
            self._save()
        if self._stop_requested.is_set():
            _log.warning("Stopped on request at %s", describe(self.position))
            raise SystemExit(_STOPPED)

    def _is_due(self) -> bool:
        if self._settings.checkpoint_steps is not None:
            return self.history.steps - self._saved_steps >= self._settings.checkpoint_steps
        written = max(1, self.position.checkpoints)
        affordable = self.position.checkpoint_seconds / written / _LARGEST_SHARE
        interval = max(self._settings.checkpoint_seconds, affordable)
        return time.monotonic() - self._saved_at >= interval

    def _save(self) -> None:
        """Write a checkpoint; if storage fails, the training continues without it."""
        started = time.monotonic()
        arrays = state.capture(self.model)
        self._check(self.model, arrays)
        best = {f"{_BEST}{name}": values for name, values in self._best.items()}
        position = self.history.position(self.position)
        counted = position.model_copy(update={"checkpoints": position.checkpoints + 1})
        try:
            self._checkpoints.write(Checkpoint(counted, {**arrays, **best}))
            position = counted
        except OSError as error:
            _log.warning(
                "Cannot write a checkpoint to %s (%s); the training continues and the previous "
                "checkpoint is kept",
                self._checkpoints.folder,
                error.strerror or error,
            )
        self._saved_at = time.monotonic()
        self._saved_steps = self.history.steps
        seconds = position.checkpoint_seconds + self._saved_at - started
        self.position = position.model_copy(update={"checkpoint_seconds": seconds})

    def _check(self, model: keras.Model, arrays: Arrays) -> None:
        path = state.first_not_finite(model, arrays)
        if path is not None:
            raise DivergenceError(
                f"The values of {path} are no longer finite at "
                f"{describe(self.history.position(self.position))}; lower training.learning_rate "
                f"(now {self._settings.learning_rate:g}). The last good checkpoint is in "
                f"{self._checkpoints.folder}."
            )


def describe(position: Position) -> str:
    """Name a position for people; epochs are counted from 1."""
    if position.step:
        return f"epoch {position.epoch + 1}, step {position.step:,}"
    return f"the end of epoch {position.epoch}"


def describe_resumption(position: Position, environment: dict[str, str]) -> str:
    """Describe from where a training resumes, and how its environment differs."""
    sentence = f"Resumed from {describe(position)} on {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    changed = [
        f"{name} {position.environment.get(name, 'none')} -> {environment.get(name, 'none')}"
        for name in sorted({*position.environment, *environment})
        if position.environment.get(name) != environment.get(name)
    ]
    if not changed:
        return f"{sentence}."
    return f"{sentence}; the result may differ from an uninterrupted training: {changed}."
