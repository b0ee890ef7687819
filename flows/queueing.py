"""Keeps the queue of a deployment in the order of arrival.

Prefect 3.8 tells each run that finds no slot to ask again half a minute later, so a slot goes to
the run that happens to ask next. A run that got it before an earlier one gives it back.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import Pause
from prefect.runtime import flow_run
from prefect.states import Scheduled

WAITING = "AwaitingConcurrencySlot"  # As Prefect calls it
_AFTER = timedelta(seconds=10)  # So long after the earlier run, this one asks again, at the soonest
# The worker must have seen the end of this process by then
_REST = timedelta(seconds=30)
# A run that should have asked so long ago does not: its worker or its queue stands still
_STUCK = timedelta(minutes=2)
_log = logging.getLogger("sightline.flows")


def give_way() -> None:
    """Let an earlier run of this deployment go first if it waits for the slot.

    This run then waits again, and its process ends. An error of the server is logged only.
    """
    try:
        with get_client(sync_client=True) as client:
            own = client.read_flow_run(UUID(str(flow_run.id)))
            earlier = _waiting_before(client, own)
            if earlier is None or earlier.next_scheduled_start_time is None:
                return
            state: State[Any] = Scheduled(
                name=WAITING,
                scheduled_time=max(
                    earlier.next_scheduled_start_time + _AFTER, datetime.now(UTC) + _REST
                ),
                message=f"A run of {earlier.expected_start_time:%H:%M:%S} UTC came before",
            )
            client.set_flow_run_state(own.id, state)
    except httpx.HTTPError:
        _log.warning("Could not look for earlier runs; this run continues", exc_info=True)
        return
    raise Pause(state=state)  # Prefect then ends the process, and leaves the state


def _waiting_before(client: SyncPrefectClient, run: FlowRun) -> FlowRun | None:
    """Return the first run of the same deployment that waits and came before, if there is one."""
    if run.deployment_id is None or run.expected_start_time is None:
        return None
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[run.deployment_id]),
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[WAITING])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=run.expected_start_time),
    )
    stuck = datetime.now(UTC) - _STUCK
    for one in client.read_flow_runs(
        flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC
    ):
        asks = one.next_scheduled_start_time
        if one.expected_start_time != run.expected_start_time and asks and asks > stuck:
            return one
    return None
