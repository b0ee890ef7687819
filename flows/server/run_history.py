"""Removes old flow runs from the Prefect server, with what it keeps of them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun
from prefect.exceptions import ObjectNotFound

from sightline.flows.server.lost_runs import TAG

_MOST = 200  # What the server answers at once


def prune(client: SyncPrefectClient, days: int) -> int:
    """Remove the flow runs of our deployments that ended more than so many days ago.

    The server removes task runs and logs with a flow run, and leaves artifacts, which take most of
    the room: they go first. Returns the number of flow runs.
    """
    ended = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES))),
        end_time=FlowRunFilterEndTime(before_=datetime.now(UTC) - timedelta(days=days)),
    )
    removed = 0
    while runs := client.read_flow_runs(flow_run_filter=ended, limit=_MOST):
        for run in runs:
            _remove_artifacts(client, run)
            with suppress(ObjectNotFound):  # somebody else removed it
                client.delete_flow_run(run.id)
        removed += len(runs)
    return removed


def _remove_artifacts(client: SyncPrefectClient, run: FlowRun) -> None:
    own = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    while found := client.read_artifacts(artifact_filter=own, limit=_MOST):
        for artifact in found:
            with suppress(ObjectNotFound):
                client.delete_artifact(artifact.id)
