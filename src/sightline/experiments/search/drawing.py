"""Draws the values of a trial: a tree-structured Parzen estimator (Bergstra et al. 2011)."""

import warnings
from typing import Any

from sightline.experiments.search.journal import load_optuna
from sightline.experiments.search.setup import METRICS, Setup
from sightline.experiments.search.space import Dimension, Value


def draw(study: Any, setup: Setup) -> Any:
    """Return a running trial that Optuna's study does not have yet.

    Its values depend on the seed, its number and the trials before it. They are drawn in a copy of
    the study: a kill must not leave a trial with half of its values.
    """
    optuna, trials = load_optuna(), study.get_trials(deepcopy=False)
    distributions = {one.key: _distribution(one) for one in setup.space}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=setup.seed + len(trials), multivariate=True, constant_liar=True
        )
    copy = optuna.create_study(direction=METRICS[setup.metric], sampler=sampler)
    copy.add_trials(trials)
    drawn = copy.ask(distributions).params
    values = {one.key: _rounded(one, drawn[one.key]) for one in setup.space}
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING, params=values, distributions=distributions
    )


def _distribution(dimension: Dimension) -> Any:
    distributions = load_optuna().distributions
    if dimension.choices:
        return distributions.CategoricalDistribution(dimension.choices)
    log = dimension.kind == "log"
    if dimension.whole:
        bounds = int(dimension.low), int(dimension.high)
        return distributions.IntDistribution(*bounds, log=log)
    return distributions.FloatDistribution(dimension.low, dimension.high, log=log)


def _rounded(dimension: Dimension, value: Value) -> Value:
    """Round a number to four digits, which people can read and copy."""
    if not isinstance(value, float):
        return value
    return min(max(float(f"{value:.4g}"), dimension.low), dimension.high)
