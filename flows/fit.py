"""The stage train alone, for a work pool with GPUs; other runs name it in `training.deployment`."""

import os
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed
from pydantic import TypeAdapter

from sightline.config import TrainingConfig
from sightline.errors import NodeLostError
from sightline.flows import worker
from sightline.flows.outage import survive_outages
from sightline.pipeline import entry_store
from sightline.records import ArraySet, Gpu, ModelBlueprint
from sightline.records.base import DatasetName
from sightline.tasks.artifacts import about, show_table
from sightline.tasks.flow_runs import RENDEZVOUS_LABEL
from sightline.tasks.train import train
from sightline.training import gpu
from sightline.training.device import prepare_process
from sightline.training.nodes import RENDEZVOUS, Nodes, free_address
from sightline.training.train import TRAIN

GPU_LIMIT = "gpu"  # Global concurrency limit of GPU trainings; `sightline ops install` creates it
_NODE: TypeAdapter[Nodes | None] = TypeAdapter(Nodes | None)


def run_name() -> str:
    """Name a flow run after the other run and, if there are several, its node."""
    given = flow_run.parameters
    place = _NODE.validate_python(given.get("node")) or Nodes()
    return str(given["run_id"]) + f"-node-{place.rank}" * (place.count > 1)


@flow(name="fit", flow_run_name=run_name, persist_result=False, result_serializer="json")
def fit_flow(
    run_id: str,
    started: datetime,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: TrainingConfig,
    refresh: bool = False,
    artifacts: str | None = None,
    node: Nodes | None = None,
    dataset: DatasetName | None = None,
) -> State[Any]:
    """Fit a network for another run, which started this flow through `training.deployment`.

    Return a Completed state whose message is the key of the result's cache entry, of node 0 only,
    or a Failed one named NodeLostError. Raise ArtifactsRootError if the other run has another one,
    DeviceError if a GPU is required and there is none, and RunError if the training failed.

    Args:
        run_id: ID of the other run.
        started: When the other run was requested.
        arrays: Record of the stage preprocess.
        blueprint: Record of the stage build.
        settings: Config of the training.
        refresh: Ignore the cache.
        artifacts: URL of the other run's artifacts on object storage; None if in a shared folder.
        node: Place of this flow run among those that train together; None if it trains alone.
        dataset: Name of the data set, for the artifacts in Prefect.
    """
    about(dataset)
    run = worker.run(run_id, started=started, refresh=refresh)
    worker.check_shared(run, artifacts)
    required = not worker.gpu_is_optional()
    _show(gpu.require() if required else gpu.visible())
    demanded = {"device": "gpu"} if required and settings.device == "auto" else {}
    with survive_outages(), run.workspace.in_use():
        entry_store.fetch(run.workspace, arrays, blueprint)
        # A lease that cannot be renewed must not end a healthy training. Nodes take no slot: the
        # first would keep it while it waits for the second.
        limit = concurrency(GPU_LIMIT, lease_duration=60, raise_on_lease_renewal_failure=False)
        with limit if node is None else nullcontext():
            place = _take_place(node)
            prepare_process(settings.model_copy(update=demanded))
            if node is not None and node.leads:
                _publish(place)
            try:
                train(run, arrays, blueprint, settings)
            except NodeLostError as error:
                return Failed(data=error, name=NodeLostError.__name__, message=str(error))
    return Completed(message=TRAIN.key(arrays, blueprint, settings) if place.leads else None)


def _take_place(node: Nodes | None) -> Nodes:
    """Tell the processes of this flow run their node; node 0 chooses where all of them meet."""
    if node is None:
        return Nodes()
    if node.leads:
        peer = urlsplit(PREFECT_API_URL.value()).hostname or "localhost"
        node = replace(node, rendezvous=os.environ.get(RENDEZVOUS) or free_address(peer))
    node.take()
    return node


def _publish(place: Nodes) -> None:
    """Let the other run know where the nodes meet."""
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(UUID(flow_run.id), {RENDEZVOUS_LABEL: place.rendezvous})


def _show(found: tuple[Gpu, ...]) -> None:
    log = get_run_logger()
    if not found:
        log.warning("No GPU found and SIGHTLINE_GPU is optional: training on the CPU")
        return
    rows = [{**one.model_dump(), "memory": f"{one.memory_bytes / 2**30:.0f} GiB"} for one in found]
    for one in found:
        log.info("GPU: %s, driver %s, %.0f GiB", one.name, one.driver, one.memory_bytes / 2**30)
    show_table(rows, key="gpu", description="GPUs of the worker")
