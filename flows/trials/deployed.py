"""Runs each trial as a run of a Prefect deployment, on the workers of its pool."""

import logging
import time
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State

from sightline import errors
from sightline.errors import HandoverError, HandoverLostError
from sightline.experiments import new_run, run_folder
from sightline.flows.trials import epoch_table
from sightline.flows.trials.trial import DEPLOYMENT, Epoch, Trial, TrialResult
from sightline.tasks import flow_runs
from sightline.tasks.flow_runs import Watched

_POLL_SECONDS = 2
_WARN_SECONDS = 60  # Time without a worker after which a warning is logged
_log = logging.getLogger("sightline.handover")


class DeploymentRunner:
    """Starts flow runs of one deployment, which go on if this process dies.

    The idempotency key of a flow run is the ID of the trial's run and the number of the attempt, so
    that the next command finds the flow runs of one that was killed.
    """

    def __init__(self, deployment: str = DEPLOYMENT, parallel: int = 1) -> None:
        """Choose the deployment."""
        self.at_once = parallel
        self._deployment = deployment

    def start(self, trial: Trial) -> "DeployedAttempt":
        """Start a flow run, or find the one that another process started for the same trial.

        Raises ConfigError if the deployment does not exist, and errors as `flow_runs.ask`.
        """
        run, number, values = trial.run, 0, parameters(trial)
        new_run.expect(run.workspace, run.id)
        while True:
            flow_run = flow_runs.start(
                self._deployment,
                values,
                name=run.id,
                key=f"{run.id}-{number}",
                option="--deployment",
            )
            if _is_usable(flow_run, trial):
                return DeployedAttempt(flow_run)
            number += 1

    def close(self) -> None:
        """Do nothing: the workers belong to others."""


class DeployedAttempt:
    """A trial as a flow run."""

    def __init__(self, flow_run: FlowRun) -> None:
        """Watch the flow run."""
        self._watched = Watched(flow_run.id)
        self._read_at = self._started = time.monotonic() - _POLL_SECONDS
        self._state: State[Any] | None = None
        self._reported = 0

    @property
    def id(self) -> UUID:
        """The flow run."""
        return self._watched.id

    def epochs(self) -> list[Epoch]:
        """Return the epochs that were reported since the last call; ask every few seconds."""
        now = time.monotonic()
        if now - self._read_at < _POLL_SECONDS:
            return []
        self._read_at = now
        if (flow_run := self._watched.read()) is None:
            return []
        self._state = flow_run.state
        if self._state is not None and self._state.is_scheduled():
            if now - self._started >= _WARN_SECONDS:
                self._started = now
                _log.warning(
                    "%s waits for a worker of the pool %s; see `sightline ops status`.",
                    flow_run.name,
                    flow_run.work_pool_name,
                )
            return []
        new = [one for one in epoch_table.read(flow_run.id) if one.epoch > self._reported]
        self._reported = max([self._reported, *(one.epoch for one in new)])
        return new

    def result(self) -> TrialResult | None:
        """Return the result, None while it runs; raise the error of a trial that failed."""
        state = self._state
        if state is None or not state.is_final():
            return None
        message = state.message or "no message"
        if state.is_completed():
            return TrialResult.model_validate_json(message)
        if state.is_failed() and (error := errors.named(state.name or "", message)):
            raise error
        kind = HandoverLostError if state.is_crashed() else HandoverError
        raise kind(f"The flow run {self._watched.id} ended {state.name}: {message}")

    def cancel(self) -> None:
        """Cancel the flow run."""
        self._watched.cancel()


def parameters(trial: Trial) -> dict[str, Any]:
    """Return the parameters of the flow run of a trial."""
    return {
        "run_id": trial.run.id,
        "started": trial.run.started.isoformat(),
        "config": trial.config.model_dump(mode="json"),
        "source": trial.source.model_dump(mode="json"),
        "complete": trial.complete,
        "refresh": trial.run.refresh,
        "artifacts": trial.run.workspace.url,
    }


def _is_usable(flow_run: FlowRun, trial: Trial) -> bool:
    """Return whether a flow run is under way, or has left the result that it names."""
    state = flow_run.state
    if state is None or not state.is_final():
        return state is None or state.name != "Cancelling"
    run = trial.run
    is_there = not trial.complete or run_folder.exists(run.workspace, run.id)
    return state.is_completed() and is_there
