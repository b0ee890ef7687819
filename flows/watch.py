"""Checks a data set once, and emits the event that starts a training if its digest changed."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from sightline.data import locate, watch
from sightline.data.watch import Observation
from sightline.errors import SightlineError
from sightline.flows import worker
from sightline.flows.server import lost_runs
from sightline.storage.workspace import Workspace
from sightline.tasks import events

EVENT = "sightline.dataset.updated"


def run_name() -> str:
    """Name a flow run after its data set, such as watch-my-images."""
    return f"watch-{locate.slug(flow_run.parameters['dataset'])}"


@flow(name="watch", flow_run_name=run_name, persist_result=False)
def watch_flow(dataset: worker.Dataset) -> State[Any]:
    """Check a data set once and notify Prefect if it changed since the last check.

    Args:
        dataset: Name of a data set, the absolute path of your own where the worker runs, or a URL.
    """
    try:
        lost_runs.end_missed()
        locate.check_same_everywhere(dataset)
        message = sentence(check_and_notify(worker.workspace(), dataset))
    except SightlineError as error:
        return Failed(data=error, message=str(error))  # the message without a traceback
    get_run_logger().info(message)
    return Completed(message=message)


def check_and_notify(workspace: Workspace, dataset: str) -> Observation:
    """Check a data set and emit the event if it changed; remember the check afterwards.

    Raises DataError if the data cannot be read, StorageError if the workspace cannot be written and
    httpx.HTTPError if the server did not accept the event; the next check then tries again.
    """
    workspace.check_writable()
    found = watch.observe(workspace, dataset)
    if found.changed:
        _emit(found)
    if found.first or found.changed:
        watch.store_observation(workspace, found)
    return found


def sentence(found: Observation) -> str:
    """Summarize a check in one line."""
    digest = found.source.sha256
    if found.first:
        pinned = " (its content is pinned and never changes)" if found.pinned else ""
        return f"Now watching {found.dataset}{pinned}; sha256 {digest}"
    if found.changed:
        return f"{found.dataset} changed: sha256 {found.previous_sha256} -> {digest}; event sent"
    return f"{found.dataset} is unchanged; sha256 {digest}"


def _emit(found: Observation) -> None:
    payload = {
        "name": found.source.dataset,
        "dataset": found.dataset,
        "sha256": found.source.sha256,
        "previous_sha256": found.previous_sha256,
    }
    name = found.source.dataset
    events.post(EVENT, f"sightline.dataset.{name}", name, payload)
