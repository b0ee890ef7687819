"""Status of Sightline on the Prefect server: pools, workers, queues, deployments, runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

from sightline.flows.stage_timer import STAGE_LABEL

FLOWS = ["train", "fit", "trial", "shard", "watch", "score", "prune"]
_MOST = 200
ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
_WAITING = ["AwaitingConcurrencySlot", "AwaitingRetry", "Suspended", "Resuming"]
ACTIVE = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


@dataclass(frozen=True)
class Row:
    """One line of the status: type, name, state and details."""

    kind: str
    name: str
    state: str
    detail: str


@dataclass(frozen=True)
class Overview:
    """All lines, whether any deployment can run now, and the next run by its deployment."""

    rows: tuple[Row, ...]
    can_run: bool
    next: tuple[tuple[str, datetime], ...] = ()  # The soonest first


class Reader:
    """Reads the status from a Prefect server."""

    def __init__(self, client: SyncPrefectClient) -> None:
        """Read pools, workers and deployments."""
        self._client = client
        self._flows = FlowFilter(name=FlowFilterName(any_=FLOWS))
        self._pools = client.read_work_pools(limit=_MOST)
        self._workers = {
            pool.name: client.read_workers_for_work_pool(pool.name, limit=_MOST, offset=0)
            for pool in self._pools
        }
        self._deployments = client.read_deployments(flow_filter=self._flows, limit=_MOST)
        self._names = {item.id: item.name for item in client.read_flows(flow_filter=self._flows)}
        self._last = {
            item.id: self._first(item, _typed(*ENDED), FlowRunSort.END_TIME_DESC)
            for item in self._deployments
        }
        due = {
            self._name(item): run.expected_start_time
            for item in self._deployments
            if (run := self._first(item, _named("Scheduled"), FlowRunSort.EXPECTED_START_TIME_ASC))
        }
        self._due = {name: when for name, when in due.items() if when}

    def overview(self) -> Overview:
        """Read the remaining lines and combine all."""
        rows = (
            *self._infrastructure_rows(),
            *self._deployment_rows(),
            *self._failed_rows(),
            *self._run_rows("late", _named("Late")),
            *self._run_rows("waiting", _named(*_WAITING)),
            *self._run_rows("running", _typed(*ACTIVE)),
        )
        can_run = any(self._obstacle(item) is None for item in self._deployments)
        return Overview(rows, can_run, tuple(sorted(self._due.items(), key=lambda one: one[1])))

    def _infrastructure_rows(self) -> Iterator[Row]:
        """Show all pools, then all workers, then all queues."""
        for pool in self._pools:
            detail = f"{self._online(pool)} workers online, {_at_once(pool.concurrency_limit)}"
            state = self._pool_obstacle(pool.name) or "ready"
            yield Row("pool", pool.name, state, f"{pool.type}, {detail}")
        for name, workers in self._workers.items():
            for worker in workers:
                detail = f"pool {name}, last seen {_ago(worker.last_heartbeat_time)}"
                yield Row("worker", worker.name, _lower(worker.status), detail)
        for pool in self._pools:
            for queue in self._client.read_work_queues(pool.name, limit=_MOST, offset=0):
                detail = f"priority {queue.priority}, {_at_once(queue.concurrency_limit)}"
                yield Row("queue", f"{pool.name}/{queue.name}", _lower(queue.status), detail)

    def _deployment_rows(self) -> Iterator[Row]:
        for item in sorted(self._deployments, key=self._name):
            due, last = self._due.get(self._name(item)), self._last[item.id]
            detail = f"next {_moment(due)}; last {_result(last)}"
            yield Row("deployment", self._name(item), self._obstacle(item) or "ready", detail)

    def _failed_rows(self) -> Iterator[Row]:
        """Show the deployments whose last run failed, with its message."""
        for item in sorted(self._deployments, key=self._name):
            run = self._last[item.id]
            if run is not None and run.state_type in {StateType.FAILED, StateType.CRASHED}:
                why = (run.state.message if run.state else None) or "no message"
                yield Row("failed", self._name(item), _state(run), f"{run.name}: {why}")

    def _run_rows(self, kind: str, wanted: FlowRunFilterState) -> Iterator[Row]:
        for run in self._client.read_flow_runs(
            flow_filter=self._flows, flow_run_filter=FlowRunFilter(state=wanted), limit=_MOST
        ):
            stage = run.labels.get(STAGE_LABEL)
            since = run.start_time or run.expected_start_time
            detail = f"since {_moment(since)}, pool {run.work_pool_name or 'none'}"
            yield Row(kind, run.name, _state(run), detail + (f", stage {stage}" if stage else ""))

    def _obstacle(self, deployment: DeploymentResponse) -> str | None:
        """Return why a deployment cannot run now, or None if it can."""
        if deployment.paused:
            return "paused"
        found = self._pool_obstacle(deployment.work_pool_name)
        fit = deployment.parameters.get("deployment")
        if found or not fit:
            return found
        other = next((item for item in self._deployments if self._name(item) == fit), None)
        if other is None:
            return f"no deployment {fit}"
        return f"{fit} is paused" if other.paused else self._pool_obstacle(other.work_pool_name)

    def _pool_obstacle(self, name: str | None) -> str | None:
        pool = next((pool for pool in self._pools if pool.name == name), None)
        if pool is None:
            return f"no pool {name}"
        if pool.is_paused:
            return f"pool {name} is paused"
        runs_itself = pool.is_push_pool or pool.is_managed_pool  # Such pools have no workers
        if not runs_itself and not self._online(pool):
            return f"no worker on {name}"
        return None

    def _online(self, pool: WorkPool) -> int:
        return sum(worker.status == "ONLINE" for worker in self._workers[pool.name])

    def _name(self, deployment: DeploymentResponse) -> str:
        return f"{self._names.get(deployment.flow_id, '?')}/{deployment.name}"

    def _first(
        self, deployment: DeploymentResponse, wanted: FlowRunFilterState, order: FlowRunSort
    ) -> FlowRun | None:
        chosen = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]), state=wanted
        )
        found = self._client.read_flow_runs(flow_run_filter=chosen, sort=order, limit=1)
        return found[0] if found else None


def _at_once(limit: int | None) -> str:
    """Say how many runs start at once; the server does not know the `--limit` of a worker."""
    return "runs at once: as its workers' --limit" if limit is None else f"runs at once: {limit}"


def _lower(status: Enum | None) -> str:
    return str(status.value if status else "unknown").lower().replace("_", " ")


def _named(*names: str) -> FlowRunFilterState:
    return FlowRunFilterState(name=FlowRunFilterStateName(any_=list(names)))


def _typed(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


def _result(run: FlowRun | None) -> str:
    return "none" if run is None else f"{_state(run)} {_moment(run.end_time)} ({run.name})"


def _state(run: FlowRun) -> str:
    return run.state_name or "unknown"


def _moment(when: datetime | None) -> str:
    return "none" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _ago(when: datetime | None) -> str:
    if when is None:
        return "never"
    return f"{timedelta(seconds=round((datetime.now(UTC) - when).total_seconds()))} ago"
