"""Measures how long each stage of a run takes, and whether its result was cached."""

import logging
import time
from collections.abc import Mapping
from typing import ParamSpec, TypeVar
from uuid import UUID

from prefect import Task
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.runtime import deployment, flow_run

from sightline.pipeline.progress import Progress, emit
from sightline.records import StageTime

P = ParamSpec("P")
R = TypeVar("R")

STAGE_LABEL = "sightline.stage"
"""Label of a deployed flow run that names its current stage. Notifications quote it, so that they
name the stage even of a run that was killed."""

_log = logging.getLogger("sightline.flows")


class StageTimer:
    """Runs tasks and keeps their times."""

    def __init__(self, ahead: Mapping[str, float]) -> None:
        """Start with the seconds that stages took before the flow."""
        self._ahead = ahead
        self._is_deployed = _is_deployed()
        self.times: dict[str, StageTime] = {}

    def __call__(self, stage: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a task, keep its time and return its result; its errors are raised unchanged."""
        if self._is_deployed:
            _label(stage.name)
        started = time.monotonic()
        emit(Progress(stage=stage.name, done=0, unit=""))
        state = stage(*args, return_state=True, **kwargs)
        emit(Progress(stage=stage.name, done=1, total=1, unit=""))
        seconds = time.monotonic() - started + self._ahead.get(stage.name, 0.0)
        cached, earlier = state.name == "Cached", self.times.get(stage.name)
        if earlier is not None:  # a training in two phases
            seconds, cached = seconds + earlier.seconds, cached and earlier.cached
        self.times[stage.name] = StageTime(seconds=round(seconds, 3), cached=cached)
        return state.result()


def _is_deployed() -> bool:
    """Return whether this flow run is one of a deployment, or within one."""
    context = FlowRunContext.get()
    if context is not None and (own := context.flow_run) is not None:
        if own.deployment_id is not None:
            return True
        if own.parent_task_run_id is None:
            return False  # without a request
    return deployment.id is not None


def _label(stage: str) -> None:
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run_labels(UUID(flow_run.id), {STAGE_LABEL: stage})
    except Exception:
        _log.warning("Could not report the stage to Prefect; the run continues", exc_info=True)
