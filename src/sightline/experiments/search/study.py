"""The study of a hyperparameter search: Optuna's, in a journal that only one process writes.

`tune/<name>/study.journal` in the artifacts root holds every trial from before it starts. The
values of trial n depend on the seed, n and the trials before it alone, so that a search that is
killed goes on with the values that it would have had.
"""

import math
import re
import secrets
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sightline.errors import ConfigError, InputError
from sightline.experiments.search import journal
from sightline.experiments.search.journal import load_optuna
from sightline.experiments.search.space import Dimension, Value
from sightline.records import Record, Source
from sightline.storage import files, locks
from sightline.storage.workspace import Workspace

METRICS = {"val_accuracy": "maximize", "val_loss": "minimize"}
"""What a trial may be chosen by, and Optuna's word for its direction."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_SETUP, _TOKEN = "setup", "token"
_FEWEST = 4  # Complete trials from which importances say anything
_REDUCTION = 3  # Successive halving stops two of three trials at each of two rungs


class Setup(Record):
    """What all trials of a study have in common; another setup needs another study."""

    source: Source
    config: str  # The config that the space is applied to, as JSON
    space: tuple[Dimension, ...]
    metric: str
    pruning: bool
    seed: int
    epochs: int  # Epochs of the config


class SearchTrial(Record):
    """A trial of a study. Numbers count from 0."""

    number: int
    values: dict[str, Value]
    state: str  # running, complete, pruned, diverged or failed
    metric: float | None  # Value of the metric for the weights that are kept, or of the last epoch
    epochs: tuple[float, ...]  # Values of the metric after each epoch that was reported
    last_epoch: int  # The last of these epochs; 0 if there is none
    seconds: float  # Cost of its last attempt
    cpu_seconds: float
    message: str  # Error of a trial that failed


@contextmanager
def opened(workspace: Workspace, name: str, setup: Setup) -> "Iterator[Study]":
    """Open a study or create it, and keep other processes out.

    Raises ConfigError if the name is malformed, Optuna is not installed or the study has another
    setup, InputError if another process uses it, and StorageError as `files.storage_errors`.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"The name {name[:90]!r} is invalid: expected lowercase letters, digits and '-'; "
            "choose another --name."
        )
    place = folder(workspace, name)
    with files.storage_errors(workspace.root), locks.alone_if_free(place / ".lock") as free:
        if not free:
            raise InputError(
                f"The search {name!r} is active in {workspace}; wait for it to end, or choose "
                "another --name."
            )
        with journal.claimed(workspace, name):
            yield Study(workspace, name, setup)


def folder(workspace: Workspace, name: str) -> Path:
    """Return the folder of a study."""
    return workspace.root / "tune" / name


class Study:
    """The trials of a search."""

    def __init__(self, workspace: Workspace, name: str, setup: Setup) -> None:
        """Read the journal; use `opened`."""
        optuna = load_optuna()
        self._workspace, self.name, self.setup = workspace, name, setup
        self.path = folder(workspace, name) / "study.journal"
        self._storage: Any = journal.opened(workspace, self.path)
        self._optuna: Any = optuna.create_study(
            storage=self._storage,
            study_name=name,
            direction=METRICS[setup.metric],
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(0),
            pruner=_pruner(setup),
        )
        self._check_setup()

    @property
    def token(self) -> str:
        """Digits that tell this study from an earlier one of the same name."""
        return str(self._optuna.user_attrs[_TOKEN])

    def importances(self) -> dict[str, float]:
        """Return the share of each key in the variance of the metric, the largest first.

        By functional ANOVA of a random forest (Hutter et al. 2014) over the complete trials; empty
        if there are fewer than four, or all are equal.
        """
        done = [one for one in self.trials() if one.state == "complete"]
        if len(done) < _FEWEST or len({one.metric for one in done}) == 1:
            return {}
        importance = load_optuna().importance
        evaluator = importance.FanovaImportanceEvaluator(seed=0)
        found = importance.get_param_importances(self._optuna, evaluator=evaluator)
        return {str(key): float(share) for key, share in found.items()}

    def trials(self) -> list[SearchTrial]:
        """Return all trials in order."""
        return [_read(one) for one in self._optuna.get_trials(deepcopy=False)]

    def best(self) -> SearchTrial | None:
        """Return the best complete trial, the first of equals; None if there is none."""
        done = [one for one in self.trials() if one.state == "complete"]
        sign = -1 if METRICS[self.setup.metric] == "maximize" else 1
        return min(done, key=lambda one: sign * (one.metric or 0.0), default=None)

    def draw(self) -> SearchTrial:
        """Choose the values of the next trial and store it as running."""
        optuna, number = load_optuna(), len(self._optuna.get_trials(deepcopy=False))
        distributions = {one.key: _distribution(one) for one in self.setup.space}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=self.setup.seed + number, multivariate=True, constant_liar=True
            )
        # Drawn in a copy: a kill must not leave a trial with half of its values.
        copy = optuna.create_study(direction=METRICS[self.setup.metric], sampler=sampler)
        copy.add_trials(self._optuna.get_trials(deepcopy=False))
        drawn = copy.ask(distributions).params
        values = {one.key: _rounded(one, drawn[one.key]) for one in self.setup.space}
        running = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING, params=values, distributions=distributions
        )
        self._optuna.add_trial(running)
        journal.push(self._workspace, self.path, self.name)
        return self.trials()[number]

    def report(self, number: int, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Store the metric of an epoch; return whether the trial should go on.

        The answer depends on the values of all trials alone, not on when they arrive.
        """
        known = self._optuna.get_trials(deepcopy=False)[number].intermediate_values
        value = metrics.get(self.setup.metric, math.nan)
        if known and epoch < max(known):
            return True
        trial_id = self._trial_id(number)
        # A kill may have come between the value and the answer.
        if epoch not in known:
            self._storage.set_trial_intermediate_value(trial_id, epoch, value)
        if any(_last_rung(self.setup) <= one < epoch for one in known):
            return True
        trial = self._storage.get_trial(trial_id)
        return not self._optuna.pruner.prune(self._optuna, trial)

    def end(self, number: int, state: str, metric: float | None = None, message: str = "") -> None:
        """Store the end of a trial; without a finite metric, a complete one has diverged."""
        optuna = load_optuna()
        if state == "complete" and not (metric is not None and math.isfinite(metric)):
            state, metric = "diverged", None
        states = optuna.trial.TrialState
        kind = {"complete": states.COMPLETE, "failed": states.FAIL}.get(state, states.PRUNED)
        self._note(number, state=state, message=message)
        self._optuna.tell(number, metric if state == "complete" else None, state=kind)
        journal.push(self._workspace, self.path, self.name)

    def add_cost(self, number: int, seconds: float, cpu_seconds: float) -> None:
        """Store what a running trial has cost."""
        self._note(number, seconds=round(seconds, 2), cpu_seconds=round(cpu_seconds, 2))

    def _note(self, number: int, **facts: Any) -> None:
        for name, value in facts.items():
            self._storage.set_trial_user_attr(self._trial_id(number), name, value)

    def _trial_id(self, number: int) -> int:
        study_id = self._storage.get_study_id_from_name(self.name)
        return int(self._storage.get_trial_id_from_study_id_trial_number(study_id, number))

    def _check_setup(self) -> None:
        found = self._optuna.user_attrs.get(_SETUP)
        asked = self.setup.model_dump(mode="json")
        if found is None:
            self._optuna.set_user_attr(_TOKEN, secrets.token_hex(3))
            self._optuna.set_user_attr(_SETUP, asked)
            return
        # The name of a file's folder may change, its content may not.
        changed = [key for key in asked if key != "source" and asked[key] != found.get(key)]
        if asked["source"]["sha256"] != found.get("source", {}).get("sha256"):
            changed.append("data")
        if changed:
            raise ConfigError(
                f"The search {self.name!r} in {self._workspace} was started with another "
                f"{' and another '.join(changed)}; choose another --name."
            )


def _pruner(setup: Setup) -> Any:
    pruners = load_optuna().pruners
    if not setup.pruning:
        return pruners.NopPruner()
    first = _first_rung(setup)
    return pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=_REDUCTION)


def _first_rung(setup: Setup) -> int:
    return max(1, setup.epochs // (_REDUCTION * _REDUCTION))


def _last_rung(setup: Setup) -> int:
    """Return the epoch after which a trial trains to its end; Optuna would stop it later too."""
    return _first_rung(setup) * _REDUCTION


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


def _read(trial: Any) -> SearchTrial:
    facts, steps = trial.user_attrs, trial.intermediate_values
    is_running = trial.state.name in {"RUNNING", "WAITING"}
    return SearchTrial(
        number=trial.number,
        values=trial.params,
        state="running" if is_running else str(facts.get("state", trial.state.name.lower())),
        metric=trial.value,
        epochs=tuple(steps[step] for step in sorted(steps)),
        last_epoch=max(steps, default=0),
        seconds=facts.get("seconds", 0.0),
        cpu_seconds=facts.get("cpu_seconds", 0.0),
        message=str(facts.get("message", "")),
    )


def describe(values: Mapping[str, Value]) -> str:
    """Write the values of a trial, with the last parts of their keys."""
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in values.items())
