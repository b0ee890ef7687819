"""Keeps storage small every night: one policy for versions, runs, caches and flow runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from pydantic import Field
from rich.filesize import decimal

from sightline import registry
from sightline.errors import InputError, SightlineError, StorageError
from sightline.experiments.prune import prune as runs
from sightline.flows import worker
from sightline.flows.server import lost_runs, run_history
from sightline.registry import Version
from sightline.registry import prune as versions
from sightline.registry.retention import registered_models
from sightline.storage.workspace import Workspace
from sightline.tasks import events
from sightline.tasks.artifacts import best_effort

PRUNED, OLD = "sightline.model.pruned", "sightline.champion.old"
Count = Annotated[int, Field(ge=1, le=10_000)]
Days = Annotated[int, Field(ge=0, le=10_000)]


@flow(name="prune", flow_run_name="prune", persist_result=False)
def prune_flow(
    keep_runs: Count = runs.KEEP,
    keep_versions: Annotated[int, Field(ge=0, le=10_000)] = versions.KEEP,
    history_days: Days = 90,
    champion_days: Days = 30,
) -> State[Any]:
    """Remove what is old, with an event for each version; say whether a champion is too old.

    What is in use, pinned or needed for a rollback is kept: see `sightline models prune` and
    `sightline runs prune`. While a run is active, runs and caches stay until the next night.

    Args:
        keep_runs: Number of newest runs to keep, with the cached results that they use.
        keep_versions: Number of newest model versions to keep besides those in use.
        history_days: Remove flow runs from Prefect that ended more days ago; 0 keeps all.
        champion_days: Notify people of champions that were registered more days ago; 0 never does.

    """
    try:
        lost_runs.end_missed()
        workspace = worker.workspace()
        done = (
            _prune_versions(workspace, keep_versions),
            _prune_runs(workspace, keep_runs),
            _prune_history(history_days),
            *_report_old(workspace, champion_days),
        )
    except SightlineError as error:
        return Failed(data=error, message=str(error))  # the message without a traceback
    message = " ".join(done)
    get_run_logger().info(message)
    return Completed(message=message)


def _prune_versions(workspace: Workspace, keep: int) -> str:
    plan = versions.prune(workspace, keep)
    for one in plan.versions:
        dataset = one.version.rpartition("-v")[0]
        payload = {"dataset": dataset, **one.model_dump(mode="json")}
        with best_effort(what=f"the event of {one.version} in Prefect"):
            events.post(PRUNED, f"sightline.model.{dataset}", dataset, payload)
    skipped = "".join(f" Skipped: {one.dataset}: {one.reason}" for one in plan.skipped)
    return f"Versions: {len(plan.versions)} removed, {decimal(plan.bytes)}.{skipped}"


def _prune_runs(workspace: Workspace, keep: int) -> str:
    try:
        plan = runs.prune(workspace, keep, registered_models)
    except StorageError:
        raise
    except InputError as error:  # a run is active
        return f"Runs: none removed. {error}"
    others = len(plan.entries) + len(plan.leftovers)
    return (
        f"Runs: {len(plan.runs)} removed, and {others} cache entries and leftovers, "
        f"{decimal(plan.bytes)}."
    )


def _prune_history(days: int) -> str:
    if not days:
        return "Flow runs: all kept."
    with get_client(sync_client=True) as client:
        return f"Flow runs: {run_history.prune(client, days)} removed."


def _report_old(workspace: Workspace, days: int) -> Iterator[str]:
    for dataset in registry.datasets(workspace) if days else ():
        try:
            champion = registry.champion(workspace, dataset)
        except StorageError:
            raise
        except InputError as error:
            yield f"Damaged: {error}"
            continue
        age = (datetime.now(UTC) - champion.created).days if champion else 0
        if champion and age > days:
            payload = _too_old(champion, age, days)
            events.post(OLD, f"sightline.model.{dataset}", dataset, payload)
            yield str(payload["reason"])


def _too_old(champion: Version, age: int, days: int) -> dict[str, object]:
    return {
        "dataset": champion.dataset,
        "version": champion.name,
        "champion": champion.name,
        "accuracy": champion.accuracy,
        "accuracy_interval": champion.accuracy_interval,
        "reason": f"The champion {champion.name} was registered {age} days ago, limit {days}.",
        "remedy": "To see why none replaced it: sightline models history --dataset "
        f"{champion.dataset}",
    }
