"""The learning rate over the steps of a training. Runs in the Keras process."""

from typing import Any

from keras import ops
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule

from sightline.config import TrainingConfig


def learning_rate(settings: TrainingConfig, steps: int) -> float | LearningRateSchedule:
    """Return the learning rate, or its schedule over so many training steps."""
    full, schedule = settings.learning_rate, settings.schedule
    rise = max(1, round(settings.rise * steps)) if settings.rise else 0
    if schedule == "linear":
        return LinearDecay(full, steps, rise)
    if not rise:
        return full if schedule == "constant" else CosineDecay(full, steps)
    return CosineDecay(
        0.0,
        max(1, steps - rise),
        alpha=1.0 if schedule == "constant" else 0.0,  # Final rate, as a fraction of the full one
        warmup_target=full,
        warmup_steps=rise,
    )


class LinearDecay(LearningRateSchedule):  # type: ignore[misc] # Keras is untyped
    """Rises linearly to the full rate for some steps, then falls linearly to zero."""

    def __init__(self, full: float, steps: int, rise: int) -> None:
        """Set the full rate, the steps of the training and those of the rise, which may be 0."""
        self._full, self._steps, self._rise = full, steps, rise

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, a float32 scalar."""
        step = ops.cast(step, "float32")
        fall = (self._steps - step) / max(1, self._steps - self._rise)
        share = ops.minimum(step / self._rise, fall) if self._rise else fall
        return self._full * ops.maximum(share, 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return what the class is made from."""
        return {"full": self._full, "steps": self._steps, "rise": self._rise}
