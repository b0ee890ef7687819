"""Runs the stage train on a Prefect deployment, waits for it and returns its record.

Little is exchanged: records and settings are parameters, and the message of the deployment's flow
run is the key of its cache entry. Both workers mount the artifacts root with this entry, or reach
it on object storage, and every file of it is verified before it is used.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.logging import get_run_logger
from prefect.runtime import task_run

from sightline.config import TrainingConfig
from sightline.errors import HandoverError, HandoverLostError
from sightline.pipeline import cache
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.tasks import flow_runs
from sightline.tasks.flow_runs import Watched
from sightline.training.train import TRAIN

_POLL_SECONDS = 2
_WARN_SECONDS = 60  # Interval of the warnings while a run waits for a worker
# Time that a worker may take to start; a night without one must end with an error
_PATIENCE_SECONDS = 2 * 3600
_KEY = re.compile(r"[0-9a-f]{40}")


def fit_elsewhere(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig
) -> TrainedModel:
    """Run the stage train on the deployment named in the settings.

    Raises ConfigError if the deployment does not exist, HandoverLostError if the remote process
    died or the server stayed away, and HandoverError if the training failed or was cancelled, or
    its result is missing here.
    """
    flow_run = _start(run, arrays, blueprint, settings)
    with _cancelled_with_this_run(flow_run):
        state = _wait(flow_run)
    if not state.is_completed():
        kind = HandoverLostError if state.is_crashed() else HandoverError
        raise kind(
            f"The training on {settings.deployment} (flow run {flow_run.name}) ended "
            f"{state.name}: {state.message or 'no message'}"
        )
    return _read_result(run, flow_run, state, TRAIN.key(arrays, blueprint, settings))


def _start(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig
) -> FlowRun:
    parameters: dict[str, Any] = {
        "run_id": run.id,
        "started": run.started.isoformat(),
        "refresh": run.refresh,
        "artifacts": run.workspace.url,
        "arrays": arrays.model_dump(mode="json"),
        "blueprint": blueprint.model_dump(mode="json"),
        "settings": settings.model_copy(update={"deployment": None}).model_dump(mode="json"),
    }
    return flow_runs.start(
        str(settings.deployment),
        parameters,
        name=run.id,
        # A lost answer must not start a second training.
        key=f"{task_run.id}-{task_run.run_count}" if task_run.id else None,
        option="training.deployment",
    )


def _wait(flow_run: FlowRun) -> State[Any]:
    """Wait for the end of the flow run, also while the server is away."""
    since, warned, shown = time.monotonic(), 0.0, ""
    readings = _readings(Watched(flow_run.id))
    while True:
        found, state = next(readings)
        if state.is_final():
            return state
        if state.name != shown:
            shown = state.name or ""
            get_run_logger().info("Training on pool %s: %s", found.work_pool_name, shown)
        waited = time.monotonic() - since
        if not state.is_scheduled():
            since, warned = time.monotonic(), 0.0
        elif waited >= _PATIENCE_SECONDS:
            raise HandoverError(
                f"No worker of the pool {found.work_pool_name} started the training within "
                f"{_PATIENCE_SECONDS / 3600:g} hours; start a worker, then run again."
            )
        elif waited - warned >= _WARN_SECONDS:
            warned = waited
            get_run_logger().warning(
                "The training has waited %.0f s for a worker of the pool %s; see "
                "`sightline ops status`.",
                waited,
                found.work_pool_name,
            )


def _readings(watched: Watched) -> Iterator[tuple[FlowRun, State[Any]]]:
    """Yield the flow run and its state every few seconds, whenever the server answers."""
    while True:
        found = watched.read()
        if found is not None and found.state is not None:
            yield found, found.state
        time.sleep(_POLL_SECONDS)


@contextmanager
def _cancelled_with_this_run(flow_run: FlowRun) -> Iterator[None]:
    """Cancel the remote run if this one is cancelled, times out or fails."""
    try:
        yield
    except HandoverLostError:
        raise
    except BaseException:
        Watched(flow_run.id).cancel()
        raise


def _read_result(run: Run, flow_run: FlowRun, state: State[Any], expected: str) -> TrainedModel:
    key = state.message or ""
    entry = cache.find(run, TRAIN, key) if _KEY.fullmatch(key) else None
    if key != expected:
        get_run_logger().warning(
            "The worker that trained has different code, libraries or another backend than this one"
        )
    if entry is None:
        raise HandoverError(
            f"The training {flow_run.name} is complete, but its result {key!r} is not in "
            f"{run.workspace}; both workers must use the same artifacts root "
            "(SIGHTLINE_ARTIFACTS)."
        )
    return entry.record
