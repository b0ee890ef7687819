"""Events of data sets and models in Prefect, which start deployments and notify people."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, RelatedResource, Resource
from prefect.runtime import flow_run


def post(
    name: str,
    resource_id: str,
    resource: str,
    payload: Mapping[str, Any],
    id: UUID | None = None,
    tags: Sequence[str] = (),
) -> None:
    """Post an event and wait for the answer; Prefect's `emit_event` would only queue it.

    A flow run that posts it is named with it. With an ID, the server takes the event for the same
    one when it is posted again. Raises httpx.HTTPError if the server did not accept it.
    """
    about = {"prefect.resource.id": resource_id, "prefect.resource.name": resource}
    related = [("flow-run", flow_run.id)] if flow_run.id else []
    related += [("tag", tag) for tag in tags]
    event = Event(
        event=name,
        resource=Resource(about),
        related=[_related(role, found) for role, found in related],
        payload=dict(payload),
        **({} if id is None else {"id": id}),
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])


def _related(role: str, found: str) -> RelatedResource:
    return RelatedResource(
        {"prefect.resource.id": f"prefect.{role}.{found}", "prefect.resource.role": role}
    )
