"""Saves a training while it runs: when it is due, when it is told to stop, what was best."""

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
from sightline.training import state as training_state
from sightline.training.callbacks import History
from sightline.training.checkpoints import Arrays, Checkpoint, Checkpoints, Position

_LARGEST_SHARE = 0.02
"""Most of the training time that checkpoints may cost where they are due by time."""

_STOPPED = 128 + signal.SIGTERM
"""Exit code of a process that was told to stop, by custom of the shell."""

_BEST = "best_"
_log = logging.getLogger(__name__)


class Saver(keras.callbacks.Callback):
    """Writes a checkpoint when it is due, and before the process ends on SIGTERM."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        history: History,
        settings: TrainingConfig,
        begin: Checkpoint,
    ) -> None:
        """Begin at a checkpoint.

        Args:
            checkpoints: Where to write.
            history: Counts steps and time.
            settings: How often, and whether the best weights are wanted.
            begin: Where the training stands; without arrays at its start.
        """
        super().__init__()
        self._checkpoints = checkpoints
        self._history = history
        self._settings = settings
        self._begin = begin
        self._best: Arrays = {
            name.removeprefix(_BEST): values
            for name, values in begin.arrays.items()
            if name.startswith(_BEST)
        }
        self._saved_at = time.monotonic()
        self._saved_steps = begin.position.steps
        self._told_to_stop = threading.Event()
        self.position = begin.position

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM as the wish to stop after the next step, in the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, lambda *_: self._told_to_stop.set())
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Give the metrics of a half-done epoch back what they had gathered."""
        if epoch == self._begin.position.epoch and self._begin.position.step:
            training_state.restore(self.model, self._begin.arrays, "metrics")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Save where it is due; after an epoch's last step its end is waited for."""
        if self._history.steps_left and (self._is_due() or self._told_to_stop.is_set()):
            self._save_or_stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Remember the best weights, and save where it is due."""
        loss = (logs or {}).get("val_loss")
        best = self.position.best_loss
        if (
            self._settings.keep_weights == "best"
            and loss is not None
            and (best is None or loss < best)
        ):
            state = training_state.capture(self.model, "weights")
            self._best = state
            update = {"best_epoch": epoch + 1, "best_loss": float(loss)}
            self.position = self.position.model_copy(update=update)
        if self._is_due() or self._told_to_stop.is_set():
            self._save_or_stop()

    def finish(self, model: keras.Model) -> None:
        """Check the end of the training, and take the best weights where they are wanted.

        Raises:
            DivergenceError: A weight is not finite.
        """
        self._check(model, training_state.capture(model))
        if self._best:
            training_state.restore(model, self._best, "weights")

    def _is_due(self) -> bool:
        if self._settings.checkpoint_steps is not None:
            return self._history.steps - self._saved_steps >= self._settings.checkpoint_steps
        written = max(1, self.position.checkpoints)
        affordable = self.position.checkpoint_seconds / written / _LARGEST_SHARE
        interval = max(self._settings.checkpoint_seconds, affordable)
        return time.monotonic() - self._saved_at >= interval

    def _save_or_stop(self) -> None:
        self._save()
        if self._told_to_stop.is_set():
            _log.warning("Told to stop: the training stands at %s", describe(self.position))
            raise SystemExit(_STOPPED)

    def _save(self) -> None:
        """Write a checkpoint; a disk that is full costs the checkpoint, never the training."""
        started = time.monotonic()
        arrays = training_state.capture(self.model)
        self._check(self.model, arrays)
        best = {f"{_BEST}{name}": values for name, values in self._best.items()}
        position = self._history.position(self.position)
        counted = position.model_copy(update={"checkpoints": position.checkpoints + 1})
        try:
            self._checkpoints.write(Checkpoint(counted, {**arrays, **best}))
            position = counted
        except OSError as error:
            _log.warning(
                "No checkpoint could be written to %s (%s): the training goes on, and the one "
                "before is kept",
                self._checkpoints.folder,
                error.strerror or error,
            )
        self._saved_at = time.monotonic()
        self._saved_steps = self._history.steps
        seconds = position.checkpoint_seconds + self._saved_at - started
        self.position = position.model_copy(update={"checkpoint_seconds": seconds})

    def _check(self, model: keras.Model, arrays: Arrays) -> None:
        path = training_state.broken(model, arrays)
        if path is not None:
            raise DivergenceError(
                f"The values of {path} are no longer finite at "
                f"{describe(self._history.position(self.position))}; lower training.learning_rate "
                f"(now {self._settings.learning_rate:g}). The last good checkpoint stays in "
                f"{self._checkpoints.folder}."
            )


def describe(position: Position) -> str:
    """Name a position for people; epochs are counted from 1."""
    if position.step:
        return f"epoch {position.epoch + 1}, step {position.step:,}"
    return f"the end of epoch {position.epoch}"


def resumption(position: Position, environment: dict[str, str]) -> str:
    """Say in a sentence from where a training goes on, and what is different now.

    Args:
        position: What the checkpoint says.
        environment: What the bits depend on now.
    """
    sentence = f"Went on from {describe(position)} on {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    changed = [
        f"{name} {position.environment.get(name, 'none')} -> {environment.get(name, 'none')}"
        for name in sorted({*position.environment, *environment})
        if position.environment.get(name) != environment.get(name)
    ]
    if not changed:
        return f"{sentence}."
    return f"{sentence}; other bits than in one go are possible, since changed: {changed}."
