"""Runs each trial as a task on a Ray cluster."""

import os
from contextlib import suppress
from math import inf
from typing import Any
from uuid import UUID

import ray
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import refresh_global_settings_context
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    get_current_settings,
    temporary_settings,
)
from prefect.states import Cancelled, Crashed, Pending
from prefect_ray import RayTaskRunner
from prefect_ray.context import remote_options
from prefect_ray.task_runners import PrefectRayFuture

from sightline.errors import ConfigError, HandoverLostError, SightlineError
from sightline.flows.trials import cluster
from sightline.flows.trials.cluster import Share
from sightline.flows.trials.deployed import DeployedAttempt, parameters
from sightline.flows.trials.flow import deployed_trial
from sightline.flows.trials.trial import Epoch, Trial, TrialResult
from sightline.pipeline.process import STOPPING_SECONDS, keras_process
from sightline.pipeline.provenance import cores
from sightline.storage.workspace import LOCK
from sightline.training.device import prepare_process

_GRACE_SECONDS = STOPPING_SECONDS + 5  # Time for a training to write a checkpoint
_TAGS = ["sightline", "trial"]  # As in prefect.yaml, so that a lost run is found
_HEARTBEAT_SECONDS = 30  # As in prefect.yaml: a run that is silent is lost
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

    def start(self, trial: Trial) -> "RayAttempt":
        """Submit a trial, which waits until a node has room for it."""
        with get_client(sync_client=True) as client:
            flow_run = client.create_flow_run(
                deployed_trial,
                name=trial.run.id,
                parameters=parameters(trial),
                tags=["trial"],
                state=Pending(message="Waits for a node of the Ray cluster"),
            )
        variables = cluster.environment(trial.run)
        with remote_options(**self._options, runtime_env={"env_vars": variables}):
            task = self._tasks.submit(execute, {"trial": trial, "flow_run_id": flow_run.id})
        return RayAttempt(flow_run, task)

    def close(self) -> None:
        """Leave the cluster, which ends the trials that still run."""
        self._tasks.__exit__(None, None, None)
        ray.shutdown()


class RayAttempt(DeployedAttempt):
    """A trial as a flow run in a task of Ray."""

    def __init__(self, flow_run: FlowRun, task: PrefectRayFuture[None]) -> None:
        """Watch the flow run and the task."""
        super().__init__(flow_run)
        self._task = task
        self._is_lost = False

    def epochs(self) -> list[Epoch]:
        """Return the epochs that were reported since the last call; ask at once at the end."""
        if ended := self._has_ended(0):
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
        """Interrupt the task, wait until it has ended, and cancel the flow run."""
        ray.cancel(self._task.wrapped_future)
        self._has_ended(_GRACE_SECONDS)
        self._end(Cancelled())

    def _has_ended(self, seconds: float) -> bool:
        return bool(ray.wait([self._task.wrapped_future], timeout=seconds)[0])

    def _end(self, state: State[Any]) -> None:
        with suppress(Exception), get_client(sync_client=True) as client:
            client.set_flow_run_state(self._watched.id, state, force=True)

    def _loss(self) -> SightlineError:
        """Return why the task ended before its flow run did, which is then set to Crashed."""
        self._task.wait()
        message = self._task.state.message or "no message"
        reason = message.removeprefix(_OF_PREFECT).partition("\n")[0]
        self._end(Crashed(message=reason))
        error = self._task.state.result(raise_on_failure=False)
        if isinstance(error, SightlineError):
            return error
        return HandoverLostError(f"The node of Ray that ran the trial was lost: {reason}")


@task(name="ray-trial", cache_policy=NO_CACHE, persist_result=False)
def execute(trial: Trial, flow_run_id: UUID) -> None:
    """Run a trial on a node, in the flow run that the command has created."""
    # Threads do not see the settings that came with the task
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    os.environ.update(settings)
    refresh_global_settings_context()
    workspace = trial.run.workspace
    if workspace.url is None and not (workspace.root / LOCK).exists():
        raise ConfigError(
            f"{workspace} is not there on the Ray node {ray.util.get_node_ip_address()}; mount the "
            "same artifacts root on all nodes, or choose one on object storage with --artifacts."
        )
    training = trial.config.training
    _limit_threads()
    try:
        if ray.get_gpu_ids() and training.device == "auto":
            prepare_process(training.model_copy(update={"device": "gpu"}))
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run_id, tags=_TAGS)
            flow_run = client.read_flow_run(flow_run_id)
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: _HEARTBEAT_SECONDS}):
            run_flow(
                deployed_trial, flow_run=flow_run, parameters=parameters(trial), return_type="state"
            )
    finally:
        keras_process().close()  # which frees the memory of the GPU for the next trial


def _limit_threads() -> None:
    """Let a trial use as many threads as it has CPUs; one that has all of them is as if alone."""
    cpus = int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1))
    keras_process().share = cpus if cpus < cores() else None
    os.environ.pop("OMP_NUM_THREADS", None)  # of Ray, which reaches the manifest
