"""Events that start deployments: posted, and the answer awaited."""

from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource


def post(
    name: str, resource_id: str, resource: str, payload: dict[str, Any], id: UUID | None = None
) -> None:
    """Post an event and wait for the answer; Prefect's `emit_event` would only queue it.

    Raises httpx.HTTPError if the server did not accept it. With an ID, the server takes the event
    for the same one when it is posted again.
    """
    about = {"prefect.resource.id": resource_id, "prefect.resource.name": resource}
    given = {} if id is None else {"id": id}
    event = Event(event=name, resource=Resource(about), payload=payload, **given)
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])
