"""The study of a hyperparameter search: Optuna's, in a journal that only one process writes.

`tune/<name>/study.journal` in the artifacts root holds every trial from before it starts. The
values of trial n depend on the seed, n and the trials before it alone, so that a search that is
killed goes on with the values that it would have had.
"""

import math
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sightline.errors import ConfigError, InputError
from sightline.experiments.search import drawing, halving, journal
from sightline.experiments.search.journal import load_optuna
from sightline.experiments.search.setup import METRICS, Setup
from sightline.experiments.search.trial import SearchTrial, of_optuna
from sightline.storage import locks
from sightline.storage.workspace import Workspace

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_SETUP, _TOKEN = "setup", "token"
_FEWEST = 4  # Complete trials from which importances say anything


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
    with workspace.storage_errors(), locks.alone_if_free(place / ".lock") as free:
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
            pruner=halving.pruner(setup),
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
        return [of_optuna(one) for one in self._optuna.get_trials(deepcopy=False)]

    def best(self) -> SearchTrial | None:
        """Return the best complete trial, the first of equals; None if there is none."""
        done = [one for one in self.trials() if one.state == "complete"]
        sign = -1 if METRICS[self.setup.metric] == "maximize" else 1
        return min(done, key=lambda one: sign * (one.metric or 0.0), default=None)

    def draw(self) -> SearchTrial:
        """Choose the values of the next trial and store it as running."""
        self._optuna.add_trial(drawing.draw(self._optuna, self.setup))
        journal.push(self._workspace, self.path, self.name)
        return self.trials()[-1]

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
        if any(halving.last_rung(self.setup) <= one < epoch for one in known):
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
        if found is None:
            self._optuna.set_user_attr(_TOKEN, secrets.token_hex(3))
            self._optuna.set_user_attr(_SETUP, self.setup.model_dump(mode="json"))
        elif changed := self.setup.differences(found):
            raise ConfigError(
                f"The search {self.name!r} in {self._workspace} was started with another "
                f"{' and another '.join(changed)}; choose another --name."
            )
