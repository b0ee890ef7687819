"""Runs the stage train on a Prefect deployment, waits for it and returns its record.

Little is exchanged: records and settings are parameters, and the message of the deployment's flow
run is the key of its cache entry. Both workers mount the artifacts root with this entry, or reach
it on object storage, and every file of it is verified before it is used.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_run_logger
from prefect.runtime import task_run
from prefect.states import Scheduled

from sightline.config import TrainingConfig
from sightline.errors import (
    HandoverCancelledError,
    HandoverError,
    HandoverLostError,
    NodeLostError,
)
from sightline.pipeline import cache
from sightline.records import ArraySet, ModelBlueprint, Run, TrainedModel
from sightline.tasks import artifacts, flow_runs
from sightline.tasks.flow_runs import Watched
from sightline.training.nodes import Nodes
from sightline.training.train import TRAIN

_POLL_SECONDS = 2
_WARN_SECONDS = 60  # Interval of the warnings while a run waits for a worker
# Time that a worker may take to start; a night without one must end with an error
_PATIENCE_SECONDS = 2 * 3600
_GRACE_SECONDS = 20  # Time that other nodes have to end when one has ended
_KEY = re.compile(r"[0-9a-f]{40}")


def fit_elsewhere(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig
) -> TrainedModel:
    """Run the stage train on the deployment named in the settings, once for each node.

    Raises ConfigError if the deployment does not exist, HandoverLostError if a remote process died
    or the server stayed away, HandoverCancelledError if the training was cancelled, and
    HandoverError if it failed or its result is missing here.
    """

    def start(rank: int, rendezvous: str) -> _Started:
        place = Nodes(settings.nodes, rank, rendezvous, wait=_PATIENCE_SECONDS)
        return _Started(_start(run, arrays, blueprint, settings, place))

    started: list[_Started] = []
    with _cancelled_with_this_run(started):
        started.append(start(0, ""))
        if settings.nodes > 1:
            flow_runs.check_side_by_side(str(settings.deployment), settings.nodes)
        _wait(started, settings.nodes, start)
    for one in started:
        one.cancel()  # a node that has not ended has nobody to train with
    if not started[0].state.is_completed():
        raise _cause(started, settings)
    return _read_result(run, started[0], TRAIN.key(arrays, blueprint, settings))


class _Started:
    """A flow run that trains, alone or as a node."""

    def __init__(self, flow_run: FlowRun) -> None:
        self.found, self.state = flow_run, flow_run.state or Scheduled()
        self._watched = Watched(flow_run.id)
        self._since, self._warned, self._shown = time.monotonic(), 0.0, ""

    @property
    def is_lost(self) -> bool:
        """Whether its process died, or it lost another node."""
        return self.state.is_crashed() or self.state.name == NodeLostError.__name__

    def cancel(self) -> None:
        if not self.state.is_final():
            self._watched.cancel()

    def read(self) -> None:
        """Read the state, if the server answers; raise HandoverError if no worker takes the run."""
        found = None if self.state.is_final() else self._watched.read()
        if found is None or found.state is None:
            return
        self.found, self.state = found, found.state
        if not self.state.is_final():
            self._check_worker()

    def _check_worker(self) -> None:
        pool, name = self.found.work_pool_name, self.state.name or ""
        if name != self._shown:
            self._shown = name
            get_run_logger().info("Training on pool %s: %s", pool, name)
        waited = time.monotonic() - self._since
        if not self.state.is_scheduled():
            self._since, self._warned = time.monotonic(), 0.0
        elif waited >= _PATIENCE_SECONDS:
            raise HandoverError(
                f"No worker of the pool {pool} started the training within "
                f"{_PATIENCE_SECONDS / 3600:g} hours; start a worker, then run again."
            )
        elif waited - self._warned >= _WARN_SECONDS:
            self._warned = waited
            get_run_logger().warning(
                "The training has waited %.0f s for a worker of the pool %s; see "
                "`sightline ops status`.",
                waited,
                pool,
            )


def _start(
    run: Run, arrays: ArraySet, blueprint: ModelBlueprint, settings: TrainingConfig, place: Nodes
) -> FlowRun:
    alone = settings.model_copy(update={"deployment": None, "nodes": 1})
    parameters: dict[str, Any] = {
        "run_id": run.id,
        "started": run.started.isoformat(),
        "refresh": run.refresh,
        "artifacts": run.workspace.url,
        "dataset": artifacts.dataset(),
        "arrays": arrays.model_dump(mode="json"),
        "blueprint": blueprint.model_dump(mode="json"),
        "settings": alone.model_dump(mode="json"),
    }
    if place.count > 1:
        parameters["node"] = asdict(place)
    return flow_runs.start(
        str(settings.deployment),
        parameters,
        name=run.id,
        # A lost answer must not start a second training.
        key=f"{task_run.id}-{task_run.run_count}-{place.rank}" if task_run.id else None,
        option="training.deployment",
    )


def _wait(started: list[_Started], nodes: int, start: Callable[[int, str], _Started]) -> None:
    """Wait until the training has ended, also while the server is away.

    The other nodes are started when node 0 has said where they meet. When it or one of them has
    ended, the others have a moment to end by themselves, so that all causes are known.
    """
    leader, ended = started[0], 0.0
    while True:
        for one in started:
            one.read()
        address = leader.found.labels.get(flow_runs.RENDEZVOUS_LABEL)
        if address and len(started) < nodes and not leader.state.is_final():
            started.append(start(len(started), str(address)))
            continue
        ends = [one.state for one in started if one.state.is_final()]
        if leader.state.is_final() or not all(state.is_completed() for state in ends):
            ended = ended or time.monotonic()
            if len(ends) == len(started) or time.monotonic() - ended >= _GRACE_SECONDS:
                return
        time.sleep(_POLL_SECONDS)


def _cause(started: list[_Started], settings: TrainingConfig) -> HandoverError:
    """Return the error of the flow run that failed; other nodes may have failed because of it."""
    failed = [one for one in started if one.state.is_final() and not one.state.is_completed()]
    one = min(failed, key=lambda one: (not one.state.is_crashed(), one.is_lost))
    kind = HandoverLostError if one.is_lost else HandoverError
    if one.state.is_cancelled():
        kind = HandoverCancelledError
    return kind(
        f"The training on {settings.deployment} (flow run {one.found.name}) ended "
        f"{one.state.name}: {one.state.message or 'no message'}"
    )


@contextmanager
def _cancelled_with_this_run(started: list[_Started]) -> Iterator[None]:
    """Cancel the remote runs if this one is cancelled, times out or fails."""
    try:
        yield
    except HandoverLostError:
        raise
    except BaseException:
        for one in started:
            one.cancel()
        raise


def _read_result(run: Run, started: _Started, expected: str) -> TrainedModel:
    key = started.state.message or ""
    entry = cache.find(run, TRAIN, key) if _KEY.fullmatch(key) else None
    if key != expected:
        get_run_logger().warning(
            "The worker that trained has different code, libraries or another backend than this one"
        )
    if entry is None:
        raise HandoverError(
            f"The training {started.found.name} is complete, but its result {key!r} is not in "
            f"{run.workspace}; both workers must use the same artifacts root "
            "(SIGHTLINE_ARTIFACTS)."
        )
    return entry.record
