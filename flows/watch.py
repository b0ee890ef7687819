"""One look at a data set: emits an event when its digest changed, which starts a training."""

from typing import Annotated

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from sightline.data import locate, watch
from sightline.data.watch import Look
from sightline.flows import worker
from sightline.storage.workspace import Workspace

EVENT = "sightline.dataset.updated"


def run_name() -> str:
    """Name a flow run after its data set, such as watch-my-images."""
    return f"watch-{locate.slug(flow_run.parameters['dataset'])}"


@flow(name="watch", flow_run_name=run_name, persist_result=False)
def watch_flow(dataset: Annotated[str, Field(min_length=1)]) -> None:
    """Look at a data set once and tell Prefect when it changed since the last look.

    Args:
        dataset: A path that the worker can read, or a data set's name.
    """
    found = look_and_tell(Workspace(worker.artifacts()), dataset)
    get_run_logger().info(sentence(found))


def look_and_tell(workspace: Workspace, dataset: str) -> Look:
    """Look at a data set and emit the event where it changed; only then remember the look.

    Args:
        workspace: The artifacts root, where looks are remembered.
        dataset: Path or name.

    Returns:
        What was found.

    Raises:
        DataError: There is no such data set, or it cannot be read.
        httpx.HTTPError: The Prefect server did not take the event; the next look tells again.
    """
    found = watch.look(workspace, dataset)
    if found.changed:
        _emit(found)
    if found.first or found.changed:
        watch.remember(workspace, found)
    return found


def sentence(found: Look) -> str:
    """Say in one line what a look found."""
    digest = found.source.sha256
    if found.first:
        pinned = " (its content is pinned and never changes)" if found.pinned else ""
        return f"{found.dataset} is watched from now on{pinned}; sha256 {digest}"
    if found.changed:
        return f"{found.dataset} changed: sha256 {found.previous_sha256} -> {digest}; event sent"
    return f"{found.dataset} is unchanged; sha256 {digest}"


def _emit(found: Look) -> None:
    """Post the event and wait for the answer: `emit_event` only queues it."""
    event = Event(
        event=EVENT,
        resource=Resource(
            {
                "prefect.resource.id": f"sightline.dataset.{found.source.dataset}",
                "prefect.resource.name": found.source.dataset,
            }
        ),
        payload={
            "name": found.source.dataset,
            "dataset": found.dataset,
            "sha256": found.source.sha256,
            "previous_sha256": found.previous_sha256,
        },
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])
