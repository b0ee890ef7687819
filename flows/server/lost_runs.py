"""Ends runs whose process is gone: by automations of the server, and by `end_silent`.

Each event of a run is a sign of life: a change of its state, or a heartbeat, which a deployed run
sends every 30 seconds. An active run without one is lost, whoever set its state. It becomes
Crashed, or Cancelled if it was being cancelled, which also frees the concurrency slot of its
deployment. The server lets no run leave Completed, Failed or Cancelled for Crashed, so a heartbeat
that arrives late cannot harm a run that has ended.
"""

import logging
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.schemas.events import ResourceSpecification
from prefect.states import Cancelled, Crashed

TAG = "sightline"  # Runs of our deployments have this tag; runs by hand, of other projects do not
TAGGED = ResourceSpecification(
    {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
)
ZOMBIES = "sightline-zombies"
UNSTARTED = "sightline-unstarted"
UNSTARTED_CONTAINERS = "sightline-unstarted-containers"
UNCANCELLED = "sightline-uncancelled"
# Time without an event after which a run is lost; a server that is away for less loses no training.
DEFAULT_SECONDS = 300
# Time that a container may take to start: an image is pulled, a cluster adds a node
_CONTAINER_SECONDS = 1800
_RUNNING = ("heartbeat", "Running", "Retrying")
_PENDING = ("Pending", "Submitting", "InfrastructurePending")
_ENDED = ("Completed", "Failed", "Crashed", "Cancelled")
_MOST = 200
_LAST = 50  # Number of events of a run that are looked at
_log = logging.getLogger("sightline.flows")


def automations(lost_after: int) -> tuple[AutomationCore, ...]:
    """Describe the automations that end runs without any event for so many seconds.

    A run that waits for its container may take longer.
    """
    slow = max(lost_after, _CONTAINER_SECONDS)
    return (
        _proactive(ZOMBIES, _RUNNING, lost_after, _crashed(f"No sign of life for {lost_after} s")),
        _proactive(UNSTARTED, _PENDING, lost_after, _unstarted(lost_after), pools="process"),
        _proactive(UNSTARTED_CONTAINERS, _PENDING, slow, _unstarted(slow), pools="!process"),
        _proactive(
            UNCANCELLED,
            ("Cancelling",),
            lost_after,
            ChangeFlowRunState(
                state=StateType.CANCELLED,
                message=f"Nothing ended this run within {lost_after} s; its worker is gone",
            ),
            expect=_ENDED,
        ),
    )


def _crashed(cause: str) -> ChangeFlowRunState:
    message = f"{cause}: its process, worker or machine is gone; run it again"
    return ChangeFlowRunState(state=StateType.CRASHED, message=message)


def _unstarted(seconds: int) -> ChangeFlowRunState:
    return _crashed(f"Not started within {seconds} s")


def _proactive(
    name: str,
    after: tuple[str, ...],
    seconds: int,
    action: ChangeFlowRunState,
    *,
    expect: tuple[str, ...] = ("*",),
    pools: str | None = None,
) -> AutomationCore:
    """Describe an automation that acts if none of the expected events follows in time."""
    pool = {"prefect.resource.role": "work-pool", "prefect.work-pool.type": pools or ""}
    return AutomationCore(
        name=name,
        description="Ends runs whose process and worker are gone",
        trigger=EventTrigger(
            after={f"prefect.flow-run.{event}" for event in after},
            expect={f"prefect.flow-run.{event}" for event in expect},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=[TAGGED, ResourceSpecification(pool)] if pools else TAGGED,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=seconds),
        ),
        actions=[action],
    )


def installed_timeout(client: SyncPrefectClient) -> int:
    """Return the seconds that the installed zombies automation waits, or the default."""
    for known in client.read_automations_by_name(ZOMBIES):
        if isinstance(known.trigger, EventTrigger):
            return round(known.trigger.within.total_seconds())
    return DEFAULT_SECONDS


def end_missed() -> None:
    """End the runs that the automations missed, from a flow; an error is logged only."""
    try:
        with get_client(sync_client=True) as client:
            ended = end_silent(client, installed_timeout(client))
    except Exception:
        _log.warning("Could not look for lost runs; this run continues", exc_info=True)
    else:
        if ended:
            _log.warning("Lost runs that were ended: %d", ended)


def end_silent(client: SyncPrefectClient, lost_after: int) -> int:
    """End the runs that the automations missed, and return their number.

    The server forgets what it has seen of a run when an automation is updated, and a server that
    is killed, or whose SQLite database is locked, may lose an event.
    """
    active = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=active)),
    )
    runs = client.read_flow_runs(flow_run_filter=wanted, limit=_MOST)
    return sum(_end_if_silent(client, run, lost_after) for run in runs)


def _end_if_silent(client: SyncPrefectClient, run: FlowRun, lost_after: int) -> bool:
    state = run.state
    if state is None:
        return False
    seconds = max(lost_after, _CONTAINER_SECONDS) if state.is_pending() else lost_after
    if _silence(client, run, state) <= timedelta(seconds=seconds):
        return False
    ended = Cancelled if state.is_cancelling() else Crashed
    message = f"No sign of life for {seconds} s: its process, worker or machine is gone"
    client.set_flow_run_state(run.id, ended(message=message))
    return True


def _silence(client: SyncPrefectClient, run: FlowRun, state: State[Any]) -> timedelta:
    """Return the time since the newest event of a run, or since its state was set.

    All times are the server's, since the clocks of the machines may differ. Events are sorted by
    those clocks, so the newest is one of the last, among the server's own.
    """
    of_run = {"any_resource": {"id": [f"prefect.flow-run.{run.id}"]}, "order": "DESC"}
    answer = client.request("POST", "/events/filter", json={"filter": of_run, "limit": _LAST})
    signs = [datetime.fromisoformat(event["received"]) for event in answer.json()["events"]]
    return parsedate_to_datetime(answer.headers["date"]) - max([*signs, state.timestamp])
