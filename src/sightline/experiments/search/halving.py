"""Asynchronous successive halving (ASHA): trials that are worse than others stop early."""

from typing import Any

from sightline.experiments.search.journal import load_optuna
from sightline.experiments.search.setup import Setup

_REDUCTION = 3  # It stops two of three trials at each of two rungs


def pruner(setup: Setup) -> Any:
    """Return the pruner of a study."""
    pruners = load_optuna().pruners
    if not setup.pruning:
        return pruners.NopPruner()
    first = _first_rung(setup)
    return pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=_REDUCTION)


def _first_rung(setup: Setup) -> int:
    return max(1, setup.epochs // (_REDUCTION * _REDUCTION))


def last_rung(setup: Setup) -> int:
    """Return the epoch after which a trial trains to its end; Optuna would stop it later too."""
    return _first_rung(setup) * _REDUCTION
