"""Computes shards on a Prefect deployment, many side by side, each in a flow run of its own.

All runs are watched by one request every two seconds, so that the requests do not grow with the
images. A shard whose run is lost is begun again alone.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.runtime import task_run

from sightline import errors
from sightline.errors import BusyStorageError, HandoverError, HandoverLostError
from sightline.pipeline import cache
from sightline.pipeline.stages import Stage
from sightline.records import Record, Run
from sightline.tasks import flow_runs
from sightline.tasks.flow_runs import Watched

_AT_ONCE = 100  # Runs that are begun and not finished; the server lists up to 200
_TRIES = 3  # How often a shard is begun whose run is lost
_POLL_SECONDS = 2
_WARN_SECONDS = 60  # Interval of the warnings while no shard advances
_PATIENCE_SECONDS = 2 * 3600  # Time in which no worker begins any of them
_SILENCE_SECONDS = 600  # Time that the server may be away
_log = logging.getLogger("sightline.tasks")


R = TypeVar("R", bound=Record)


@dataclass
class _Begun(Generic[R]):
    """A shard that is in the cache, or that a flow run computes."""

    stage: Stage[R]
    shard: Record
    key: str
    flow_run: UUID | None = None
    tries: int = 0
    state: State[Any] | None = None


def compute_elsewhere(
    stage: Stage[R], run: Run, shards: Sequence[Record], deployment: str
) -> Iterator[R]:
    """Compute the shards that are not in the cache on a deployment; yield all in order.

    Raises ConfigError if the deployment does not exist; the error of a shard that failed;
    HandoverLostError if the run of a shard died three times or the server stayed away; and
    HandoverError if no worker begins, or a result is missing here.
    """
    begun: deque[_Begun[R]] = deque()
    try:
        for shard in shards:
            begun.append(_begin(run, _Begun(stage, shard, stage.key(shard)), deployment))
            if len(begun) >= _AT_ONCE:
                yield _first(run, begun, deployment)
        while begun:
            yield _first(run, begun, deployment)
    except HandoverLostError:
        raise
    except BaseException:
        for one in begun:
            if one.flow_run and not (one.state and one.state.is_final()):
                Watched(one.flow_run).cancel()
        raise


def _begin(run: Run, one: _Begun[R], deployment: str) -> _Begun[R]:
    """Start a flow run, unless the shard is in the cache."""
    entry = cache.find(run, one.stage, one.key)
    if entry is not None and (not run.refresh or entry.made_by == run.token):
        return one
    one.tries += 1
    one.state = None
    one.flow_run = flow_runs.start(
        deployment,
        {
            "run_id": run.id,
            "started": run.started.isoformat(),
            "shard": one.shard.model_dump(mode="json"),
            "refresh": run.refresh,
            "artifacts": run.workspace.url,
        },
        name=f"{run.id}-{one.key[:8]}",
        # A lost answer must not start a second run.
        key=f"{task_run.id}-{task_run.run_count}-{one.key}-{one.tries}" if task_run.id else None,
        option="data.shard_deployment",
    ).id
    return one


def _first(run: Run, begun: deque[_Begun[R]], deployment: str) -> R:
    """Wait for the first shard and take its record; begin those again whose run was lost."""
    waiting = warned = heard = time.monotonic()
    while (first := begun[0]).flow_run and not (first.state and first.state.is_final()):
        time.sleep(_POLL_SECONDS)
        found, now = _read(begun), time.monotonic()
        heard = now if found is not None else heard
        if now - heard >= _SILENCE_SECONDS:
            raise HandoverLostError(
                f"The Prefect server did not answer for {_SILENCE_SECONDS} s while shards were "
                "computed on other workers. It continues there; a retry takes what is complete."
            )
        _update(begun, found or {})
        if found is None or any(map(_is_at_work, begun)):
            waiting = warned = now  # a worker is there, or nobody knows
        for one in begun:
            if one.state and _is_lost(one.state) and one.tries < _TRIES:
                _log.warning("A shard is begun again: %s", one.state.message or one.state.name)
                _begin(run, one, deployment)
        if now - waiting >= _PATIENCE_SECONDS:
            raise HandoverError(
                f"No worker began a shard of {deployment} within "
                f"{_PATIENCE_SECONDS / 3600:g} hours; start one, see `sightline ops status`."
            )
        if now - warned >= _WARN_SECONDS:
            warned = now
            _log.warning(
                "%d shards have waited %.0f s for a worker; see `sightline ops status`.",
                *(len(begun), now - waiting),
            )
    return _take(run, begun.popleft())


def _read(begun: deque[_Begun[R]]) -> dict[UUID, FlowRun] | None:
    """Read the flow runs of all shards at once; None if the server does not answer.

    Raises HandoverError if the first one was deleted.
    """
    first, *others = (one.flow_run for one in begun if one.flow_run)
    try:
        with get_client(sync_client=True) as client:
            filter_ = FlowRunFilter(id=FlowRunFilterId(any_=[first, *others]))
            found = {one.id: one for one in client.read_flow_runs(flow_run_filter=filter_)}
            if first not in found:  # or the server lists fewer at once
                found[first] = client.read_flow_run(first)
            return found
    except ObjectNotFound:
        raise HandoverError(f"The flow run {first} was deleted on the server; run again.") from None
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        _log.warning("The Prefect server does not answer (%s); waiting for it", error)
        return None


def _update(begun: deque[_Begun[R]], found: dict[UUID, FlowRun]) -> None:
    """Note the states of the flow runs."""
    for one in begun:
        if one.flow_run in found:
            one.state = found[one.flow_run].state


def _is_at_work(one: _Begun[Any]) -> bool:
    return one.state is not None and not (one.state.is_scheduled() or one.state.is_final())


def _is_lost(state: State[Any]) -> bool:
    return state.is_crashed() or state.name == BusyStorageError.__name__


def _take(run: Run, one: _Begun[R]) -> R:
    """Return the record of a shard whose flow run has ended, from the shared cache."""
    state = one.state
    if state is not None and not state.is_completed():
        if known := errors.named(state.name or "", state.message or ""):
            raise known
        kind = HandoverLostError if state.is_crashed() else HandoverError
        raise kind(
            f"The computation of a shard (flow run {one.flow_run}) ended {state.name}: "
            f"{state.message or 'no message'}"
        )
    entry = cache.find(run, one.stage, one.key)
    if entry is None:
        raise HandoverError(
            f"The shard {one.key} is complete, but not in {run.workspace}; all workers must mount "
            "the same artifacts root (SIGHTLINE_ARTIFACTS) and run the same version."
        )
    return entry.record
