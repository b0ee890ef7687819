"""Metrics of operation for Prometheus: champions, gate, runs, queue, workers and disk.

They are collected every so often, not at a scrape, which only sends what was collected last. What
cannot be read is left out, and `sightline_up` of its source is 0.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sightline.errors import SightlineError
from sightline.experiments import query
from sightline.flows.server.status import ACTIVE, ENDED, FLOWS
from sightline.records.health import Health
from sightline.records.manifest import ManifestExcerpt
from sightline.registry import audit_log, health
from sightline.storage import files
from sightline.storage.workspace import Workspace

_API_SECONDS = 5  # for each request
_MOST = 200
_MOST_FLOW_RUNS = 200
_RUNS = 50  # Number of newest runs that are looked at
_WAITING = ["Late", "AwaitingConcurrencySlot", "AwaitingRetry"]
_log = logging.getLogger("sightline.flows")


class Metrics(Collector):
    """What was collected last; `registry` serves it."""

    def __init__(self, workspace: Workspace, *, with_prefect: bool) -> None:
        """Collect nothing yet; without Prefect, only what lies below the artifacts root."""
        self._workspace, self._with_prefect = workspace, with_prefect
        self._found: tuple[Metric, ...] = ()
        self._failures: dict[str, str] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that nothing is collected here."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return what was collected last."""
        return self._found

    def refresh(self) -> None:
        """Collect everything again; never fails."""
        up = _gauge("up", "Whether a source could be read", "source")
        found = self._read(up, "artifacts", lambda: _of_artifacts(self._workspace))
        if self._with_prefect:
            found += self._read(up, "prefect", _of_prefect)
        time = _gauge("collected_timestamp_seconds", "When these metrics were collected")
        time.add_metric((), datetime.now(UTC).timestamp())
        self._found = (up, time, *found)

    def _read(
        self, up: GaugeMetricFamily, source: str, read: Callable[[], Iterator[Metric]]
    ) -> tuple[Metric, ...]:
        """Read a source; log when that begins to fail, and when it works again."""
        try:
            found, failure = tuple(read()), ""
        except (SightlineError, OSError, ValueError, httpx.HTTPError) as error:
            # ValueError: an answer that is not the server's, such as the page of a proxy
            found, failure = (), f"cannot be read: {error}"
        if bool(failure) is not bool(self._failures.get(source)):
            _log.warning("The metrics of %s: %s", source, failure or "can be read again")
        self._failures[source] = failure
        up.add_metric((source,), not failure)
        return found


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sightline_{name}", text, labels=labels)


def _of_artifacts(workspace: Workspace) -> Iterator[Metric]:
    champions = health.champions(workspace, check_files=False)
    yield from _champions(champions)
    decisions = CounterMetricFamily(
        "sightline_gate_decisions", "Promotions, refusals, rollbacks", labels=("dataset", "action")
    )
    for dataset in (one.dataset for one in champions if not one.damages):
        counts = Counter(event.action for event in audit_log.history(workspace, dataset))
        for action, count in counts.items():
            decisions.add_metric((dataset, action), count)
    yield decisions
    yield from _runs(query.newest_of_recipes(workspace, _RUNS))
    free = _gauge("disk_free_bytes", "On the disk of the artifacts root, or of its local cache")
    free.add_metric((), files.free_bytes(workspace.root))
    yield free


def _champions(champions: Iterable[Health]) -> Iterator[Metric]:
    labels = ("dataset", "version")
    damaged = _gauge("registry_damaged", "Whether models cannot be read", "dataset")
    refused = _gauge("gate_refused_in_a_row", "Refusals since the last promotion", "dataset")
    since = _gauge("champion_registered_timestamp_seconds", "When it was registered", *labels)
    accuracy = _gauge("champion_accuracy", "Test accuracy", *labels)
    ends = tuple(
        _gauge(f"champion_accuracy_{end}", "End of its 95 % interval", *labels)
        for end in ("low", "high")
    )
    drift = _gauge("drift", "Whether scored images drift", "dataset", "scores")
    for one in champions:
        damaged.add_metric((one.dataset,), bool(one.damages))
        refused.add_metric((one.dataset,), one.refused)
        of_version = (one.dataset, one.champion or "")
        if one.registered is not None and one.accuracy is not None:
            since.add_metric(of_version, one.registered.timestamp())
            accuracy.add_metric(of_version, one.accuracy)
            for gauge, end in zip(ends, one.accuracy_interval or (), strict=False):
                gauge.add_metric(of_version, end)
        for scores in one.scores:
            drift.add_metric((one.dataset, scores.name), bool(scores.drift))
    yield from (damaged, refused, since, accuracy, *ends, drift)


def _runs(newest: Iterable[ManifestExcerpt]) -> Iterator[Metric]:
    """Describe the newest run of each data set and recipe."""
    labels = ("dataset", "recipe")
    created = _gauge("run_created_timestamp_seconds", "When the newest run was published", *labels)
    accuracy = _gauge("run_accuracy", "Test accuracy of the newest run", *labels)
    total = _gauge("run_seconds", "Wall time of the newest run", *labels)
    stages = _gauge(
        "run_stage_seconds", "Time of a stage, cached or not", *labels, "stage", "cached"
    )
    for run in newest:
        of_run = (run.records.ingest.dataset, run.config.recipe)
        created.add_metric(of_run, run.created.timestamp())
        accuracy.add_metric(of_run, run.records.evaluate.accuracy)
        total.add_metric(of_run, run.total_seconds)
        for name, stage in run.stages.items():
            stages.add_metric((*of_run, name, str(stage.cached).lower()), stage.seconds)
    yield from (created, accuracy, total, stages)


def _of_prefect() -> Iterator[Metric]:
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(httpx_settings={"timeout": _API_SECONDS}, sync_client=True) as client,
    ):
        yield _workers(client)
        yield from _flow_runs(client)


def _workers(client: SyncPrefectClient) -> Metric:
    online = _gauge("workers_online", "Workers with a heartbeat", "pool")
    for pool in client.read_work_pools(limit=_MOST):
        workers = client.read_workers_for_work_pool(pool.name, limit=_MOST, offset=0)
        online.add_metric((pool.name,), sum(one.status == "ONLINE" for one in workers))
    return online


def _flow_runs(client: SyncPrefectClient) -> Iterator[Metric]:
    """Describe the flow runs that wait or are active, and the last one of each deployment."""
    flows = FlowFilter(name=FlowFilterName(any_=FLOWS))
    names = {one.id: one.name for one in client.read_deployments(flow_filter=flows, limit=_MOST)}

    def read(**state: Any) -> list[tuple[str, FlowRun]]:
        """Read runs of deployments in some states, the last started first."""
        found = client.read_flow_runs(
            flow_filter=flows,
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(**state)),
            sort=FlowRunSort.START_TIME_DESC,
            limit=_MOST_FLOW_RUNS,
        )
        return [(names[run.deployment_id], run) for run in found if run.deployment_id in names]

    waiting = read(name=FlowRunFilterStateName(any_=_WAITING))
    active = read(type=FlowRunFilterStateType(any_=ACTIVE))
    last = [(name, run) for id, name in names.items() if (run := _last(client, id))]
    states = _gauge("flow_runs", "Flow runs that wait or are active", "deployment", "state")
    for labels, count in Counter(
        (name, run.state_name or "") for name, run in (*waiting, *active)
    ).items():
        states.add_metric(labels, count)
    oldest = _gauge("flow_run_waiting_seconds", "How long the first has waited", "deployment")
    for name, run in dict(waiting).items():
        oldest.add_metric((name,), run.estimated_start_time_delta.total_seconds())
    queued = _gauge(
        "flow_run_queue_seconds", "How long the run that started last had waited", "deployment"
    )
    begun = [(run.start_time, name, run) for name, run in (*last, *active) if run.start_time]
    for name, run in {name: run for _, name, run in sorted(begun, key=itemgetter(0))}.items():
        queued.add_metric((name,), run.estimated_start_time_delta.total_seconds())
    ended = _gauge("flow_run_end_timestamp_seconds", "End of the last run", "deployment", "state")
    for name, run in dict(last).items():
        if run.end_time:
            ended.add_metric((name, run.state_name or ""), run.end_time.timestamp())
    yield from (states, oldest, queued, ended)


def _last(client: SyncPrefectClient, deployment: UUID) -> FlowRun | None:
    """Read the run of a deployment that ended last, however many of others ended since."""
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=ENDED)),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=1,
    )
    return found[0] if found else None
