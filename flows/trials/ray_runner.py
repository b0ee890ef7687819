"""Runs each trial as a task on a Ray cluster."""

import time
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any
from uuid import UUID

import ray
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Crashed, Pending
from prefect_ray import RayTaskRunner
from prefect_ray.context import remote_options
from prefect_ray.task_runners import PrefectRayFuture

from sightline.errors import HandoverLostError, SightlineError
from sightline.experiments import new_run
from sightline.flows.trials.deployed import DeployedAttempt, parameters
from sightline.flows.trials.flow import deployed_trial
from sightline.flows.trials.trial import Epoch, Trial, TrialResult
from sightline.pipeline import ray_cluster
from sightline.pipeline.process import STOPPING_SECONDS
from sightline.pipeline.ray_cluster import Share
from sightline.tasks import flow_runs

_GRACE_SECONDS = STOPPING_SECONDS + 5  # Time for a training to write a checkpoint
_OF_PREFECT = "Execution was interrupted by an unexpected exception: "


class RayRunner:
    """Gives trials to the nodes of the cluster that this process is connected to."""

    def __init__(self, share: Share, parallel: int | None = None) -> None:
        """Start nothing yet."""
        self._tasks = RayTaskRunner(address="auto").__enter__()
        self._options = {
            "num_cpus": share.cpus,
            "num_gpus": share.gpus,
            "scheduling_strategy": "SPREAD",
            "max_retries": 0,  # `parallel` starts a lost trial again
        }
        self.at_once = parallel or share.at_once
        self._cancelled: list[RayAttempt] = []  # Those that may still write a checkpoint

    def start(self, trial: Trial) -> "RayAttempt":
        """Submit a trial, which waits until a node has room for it.

        Raises errors as `flow_runs.ask`.
        """
        self._settle(0)
        new_run.expect(trial.run.workspace, trial.run.id)
        flow_run = flow_runs.ask(partial(_create_flow_run, trial))
        variables = ray_cluster.environment(trial.run)
        with remote_options(**self._options, runtime_env={"env_vars": variables}):
            task = self._tasks.submit(execute, {"trial": trial, "flow_run_id": flow_run.id})
        return RayAttempt(flow_run, task, self._cancelled)

    def close(self) -> None:
        """Wait for cancelled trials, then leave the cluster, which ends all that still run."""
        self._settle(_GRACE_SECONDS)
        for attempt in self._cancelled:
            attempt.end(Cancelled())
        self._tasks.__exit__(None, None, None)
        ray.shutdown()

    def _settle(self, seconds: float) -> None:
        """Set the state of cancelled trials that end within a time, which is for all together."""
        end = time.monotonic() + seconds
        for attempt in list(self._cancelled):
            if attempt.has_ended(max(0.0, end - time.monotonic())):
                attempt.end(Cancelled())
                self._cancelled.remove(attempt)


def _create_flow_run(trial: Trial) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.create_flow_run(
            deployed_trial,
            name=trial.run.id,
            parameters=parameters(trial),
            tags=["trial"],
            state=Pending(message="Waits for a node of the Ray cluster"),
        )


class RayAttempt(DeployedAttempt):
    """A trial as a flow run in a task of Ray."""

    def __init__(
        self, flow_run: FlowRun, task: PrefectRayFuture[None], cancelled: "list[RayAttempt]"
    ) -> None:
        """Watch the flow run and the task; `cancelled` is what the runner waits for."""
        super().__init__(flow_run)
        self._task, self._cancelled = task, cancelled
        self._is_lost = False

    def epochs(self) -> list[Epoch]:
        """Return the epochs that were reported since the last call; ask at once at the end."""
        if ended := self.has_ended(0):
            self._read_at, self._state = -inf, None
        found = super().epochs()
        self._is_lost = ended and self._state is not None and not self._state.is_final()
        return found

    def result(self) -> TrialResult | None:
        """Return the result, None while it runs; raise the error of a trial that failed."""
        if self._is_lost:
            raise self._loss()
        return super().result()

    def cancel(self) -> None:
        """Interrupt the task; the runner waits for its checkpoint when it is closed."""
        ray.cancel(self._task.wrapped_future)
        self._cancelled.append(self)

    def has_ended(self, seconds: float) -> bool:
        """Return whether the task has ended within a time."""
        return bool(ray.wait([self._task.wrapped_future], timeout=seconds)[0])

    def end(self, state: State[Any]) -> None:
        """Set the state of the flow run, if the server answers."""
        with suppress(Exception), get_client(sync_client=True) as client:
            client.set_flow_run_state(self._watched.id, state, force=True)

    def _loss(self) -> SightlineError:
        """Return why the task ended before its flow run did, which is then set to Crashed."""
        self._task.wait()
        message = self._task.state.message or "no message"
        reason = message.removeprefix(_OF_PREFECT).partition("\n")[0]
        self.end(Crashed(message=reason))
        error = self._task.state.result(raise_on_failure=False)
        if isinstance(error, SightlineError):
            return error
        return HandoverLostError(f"The node of Ray that ran the trial was lost: {reason}")


@task(name="ray-trial", cache_policy=NO_CACHE, persist_result=False)
def execute(trial: Trial, flow_run_id: UUID) -> None:
    """Run a trial on a node, in the flow run that the command has created.

    Ray pickles this function with all that it names; the node imports the rest.
    """
    from sightline.flows.trials import ray_node

    ray_node.run_trial(trial, flow_run_id)
