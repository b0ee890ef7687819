"""The optimizer and its learning rate schedule. Runs in the Keras process."""

import re
from typing import Any

import keras
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule

from sightline.config import TrainingConfig
from sightline.training.muon import Muon

# Fraction of a one-cycle training in which the learning rate rises (Smith and Topin, "Super-
# convergence", 2018, use 0.3 to 0.45; short trainings like these do better with less)
_WARMUP = 0.25
_MUON_MOMENTUM = 0.95  # As in Keras
_NOT_DECAYED = ["bias", "gamma", "beta"]  # Weights that shift and scale; only kernels are decayed


def build_optimizer(
    settings: TrainingConfig, steps: int, last_layer: str
) -> keras.optimizers.Optimizer:
    """Build the optimizer of a training; `last_layer` is the name of the model's last layer."""
    classes = {name.lower(): found for name, found in vars(keras.optimizers).items()}
    classes["muon"] = Muon
    optimizer = classes[settings.optimizer](
        learning_rate=learning_rate(settings, steps),
        global_clipnorm=settings.clip_norm,
        use_ema=settings.ema is not None,
        ema_momentum=settings.ema or 0.0,
        **_own_options(settings, last_layer),
    )
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    if settings.precision == "float16":  # the smallest gradients would be rounded to zero
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _own_options(settings: TrainingConfig, last_layer: str) -> dict[str, Any]:
    """Return the weight decay and the options that only one of the optimizers has."""
    decay, momentum = settings.weight_decay or None, settings.momentum
    match settings.optimizer:
        case "adamw":  # its default is not 0
            return {"weight_decay": settings.weight_decay}
        case "muon":  # https://kellerjordan.github.io/posts/muon: not for the last layer
            return {
                "weight_decay": decay,
                "adam_weight_decay": decay,
                "momentum": _MUON_MOMENTUM if momentum is None else momentum,
                "exclude_layers": [re.escape(last_layer)],
            }
        case "sgd":
            return {"weight_decay": decay, "momentum": momentum or 0.0, "nesterov": True}
        case _:
            return {"weight_decay": decay}


def learning_rate(settings: TrainingConfig, steps: int) -> float | LearningRateSchedule:
    """Return the learning rate, or its schedule over the steps of the training."""
    full, schedule = settings.learning_rate, settings.schedule
    warmup = settings.warmup
    if warmup is None:
        warmup = _WARMUP if schedule == "one-cycle" else 0.0
    if not warmup:
        return full if schedule == "constant" else CosineDecay(full, steps)
    rise = max(1, round(warmup * steps))
    return CosineDecay(
        0.0,
        max(1, steps - rise),
        alpha=1.0 if schedule == "constant" else 0.0,  # Final rate, as a fraction of the full one
        warmup_target=full,
        warmup_steps=rise,
    )
