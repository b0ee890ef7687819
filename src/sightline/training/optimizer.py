"""The optimizer. Runs in the Keras process."""

import re
from typing import Any

import keras

from sightline.config import TrainingConfig
from sightline.training.learning_rate import learning_rate
from sightline.training.muon import Muon

_MUON_MOMENTUM = 0.95  # As in Keras
_MUON_BETA_2 = 0.95  # Of Adam, beside Muon: https://github.com/KellerJordan/Muon
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
                "adam_beta_2": _MUON_BETA_2,
                "momentum": _MUON_MOMENTUM if momentum is None else momentum,
                "exclude_layers": [re.escape(last_layer)],
            }
        case "sgd":
            return {"weight_decay": decay, "momentum": momentum or 0.0, "nesterov": True}
        case _:
            return {"weight_decay": decay}
