"""The optimizer and its learning rate schedule. Runs in the Keras process."""

import keras
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule

from sightline.config import TrainingConfig

# Fraction of a one-cycle training in which the learning rate rises (Smith and Topin, "Super-
# convergence", 2018, use 0.3 to 0.45; short trainings like these do better with less)
_WARMUP = 0.25
_NOT_DECAYED = ["bias", "gamma", "beta"]  # Weights that shift and scale; only kernels are decayed


def build_optimizer(settings: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of a training."""
    rate = learning_rate(settings, steps)
    options = {"learning_rate": rate, "weight_decay": settings.weight_decay or None}
    optimizer = keras.optimizers.get({"class_name": settings.optimizer, "config": options})
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer


def learning_rate(settings: TrainingConfig, steps: int) -> float | LearningRateSchedule:
    """Return the learning rate, or its schedule over the steps of the training."""
    full = settings.learning_rate
    match settings.schedule:
        case "cosine":
            return CosineDecay(full, steps)
        case "one-cycle":
            rise = max(1, round(_WARMUP * steps))
            return CosineDecay(0.0, max(1, steps - rise), warmup_target=full, warmup_steps=rise)
        case _:
            return full
