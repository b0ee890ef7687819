"""A trial of a search, as its study remembers it."""

from collections.abc import Mapping
from typing import Any

from sightline.experiments.search.space import Value
from sightline.records import Record


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


def of_optuna(trial: Any) -> SearchTrial:
    """Read a trial of Optuna, which cannot be imported without its extra."""
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
