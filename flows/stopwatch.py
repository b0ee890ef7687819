"""How long each stage of a run takes, and whether its result was already there."""

import time
from typing import ParamSpec, TypeVar

from prefect import Task

from sightline.records import Run, StageTime

P = ParamSpec("P")
R = TypeVar("R")


class Stopwatch:
    """Runs tasks and keeps their times."""

    def __init__(self, run: Run) -> None:
        """Begin with what was done before the flow began."""
        self._ahead = run.ahead
        self.times: dict[str, StageTime] = {}

    def __call__(self, stage: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a task, keep its time and return its result; a failure is raised as it was."""
        started = time.monotonic()
        state = stage(*args, return_state=True, **kwargs)
        seconds = time.monotonic() - started + self._ahead.get(stage.name, 0.0)
        self.times[stage.name] = StageTime(seconds=round(seconds, 3), cached=state.name == "Cached")
        return state.result()
