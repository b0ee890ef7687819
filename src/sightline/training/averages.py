"""Averages of the weights over the steps (`training.ema`), which the optimizer computes.

Runs in the Keras process. The training continues from the weights themselves: the averages replace
them only for a validation, and at the end.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from sightline.training import state


def take_averages(model: keras.Model) -> None:
    """Replace the trainable weights by their averages, if the optimizer has any."""
    model.optimizer.finalize_variable_values(model.trainable_variables)
    # On JAX both have the same buffer now, which a step would free
    state.restore(model, state.capture(model, "weights"), "weights")


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Replace the trainable weights by their averages within the block."""
    weights = state.capture(model, "weights")
    take_averages(model)
    try:
        yield
    finally:
        state.restore(model, weights, "weights")


class Averages(keras.callbacks.Callback):
    """Validates the averages of the weights.

    `keras.callbacks.SwapEMAWeights` rounds the weights when it swaps them, and `fit` itself ends
    with the averages, even if another `fit` continues the training.
    """

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Take the averages for a validation."""
        self._keep()
        take_averages(self.model)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the weights after a validation."""
        self._restore()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the weights, since `fit` takes the averages after its last epoch."""
        self._keep()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the weights at the end of `fit`."""
        self._restore()

    def _keep(self) -> None:
        self._weights = state.capture(self.model, "weights")

    def _restore(self) -> None:
        state.restore(self.model, self._weights, "weights")
