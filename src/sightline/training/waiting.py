"""How long a training waits for its batches. Runs in the Keras process."""

import time

import keras

from sightline.training.input_pipeline import Batches


class Waiting(keras.callbacks.Callback):
    """Adds up the time from the end of each step until the next batch is there.

    Several steps per execution count as one.
    """

    def __init__(self, batches: Batches) -> None:
        """Watch the batches of a training."""
        super().__init__()
        self._batches = batches
        self._ended: dict[int, float] = {}
        self.seconds = 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        self._ended[batch] = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare with the times at which the batches were ready."""
        for batch, ended in self._ended.items():
            self.seconds += max(0.0, self._batches.ready.get(batch + 1, 0.0) - ended)
        self._ended = {}
