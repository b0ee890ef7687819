"""The epochs of a deployed trial as a table in Prefect, which the command that waits reads."""

import json
import time
from contextlib import suppress
from typing import cast
from uuid import UUID

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)

from sightline.flows.trials.trial import Epoch
from sightline.tasks.artifacts import best_effort

_KEY = "trial-epochs"
_SECONDS = 2  # Interval between updates


class EpochTable:
    """Shows the epochs of the current flow run; an error costs the display only."""

    def __init__(self) -> None:
        """Start without epochs."""
        self._rows: list[dict[str, object]] = []
        self._id: UUID | None = None
        self._shown = 0.0

    def add(self, epoch: Epoch) -> None:
        """Add an epoch. The first is shown at once, the others every few seconds."""
        self._rows.append(epoch.model_dump())
        now = time.monotonic()
        if now - self._shown < _SECONDS:
            return
        self._shown = now
        with best_effort(tries=1):
            if self._id is None:
                table = create_table_artifact(self._rows, key=_KEY, description="Finished epochs")
                self._id = cast("UUID", table)  # a coroutine only if called from one
                return
            with get_client(sync_client=True) as client:
                client.update_artifact(self._id, ArtifactUpdate(data=json.dumps(self._rows)))


def read(flow_run: UUID) -> list[Epoch]:
    """Read the table of a flow run; it has no epochs before the first update."""
    wanted = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]),
        key=ArtifactFilterKey(any_=[_KEY]),
    )
    with suppress(httpx.HTTPError, ValueError, TypeError), get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=wanted)
        return [Epoch.model_validate(row) for one in found for row in json.loads(str(one.data))]
    return []
