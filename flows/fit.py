"""The stage train alone, for a work pool with GPUs; other runs name it in `training.deployment`."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger
from prefect.states import Completed

from sightline.config import TrainingConfig
from sightline.errors import ConfigError
from sightline.experiments import new_run
from sightline.flows import worker
from sightline.flows.outage import survive_outages
from sightline.pipeline import entry_store
from sightline.records import ArraySet, Gpu, ModelBlueprint, Run
from sightline.tasks.artifacts import show_table
from sightline.tasks.train import train
from sightline.training import gpu
from sightline.training.device import prepare_process
from sightline.training.train import TRAIN

GPU_LIMIT = "gpu"  # Global concurrency limit of GPU trainings; `sightline ops install` creates it


@flow(name="fit", flow_run_name="{run_id}", persist_result=False, result_serializer="json")
def fit_flow(
    run_id: str,
    started: datetime,
    arrays: ArraySet,
    blueprint: ModelBlueprint,
    settings: TrainingConfig,
    refresh: bool = False,
    artifacts: str | None = None,
) -> State[Any]:
    """Fit a network for another run, which started this flow through `training.deployment`.

    Return a Completed state whose message is the key of the result's cache entry. Raise ConfigError
    if the other run has another artifacts root, DeviceError if a GPU is required and there is none,
    and RunError if the training failed.

    Args:
        run_id: ID of the other run.
        started: When the other run was requested.
        arrays: Record of the stage preprocess.
        blueprint: Record of the stage build.
        settings: Config of the training.
        refresh: Ignore the cache.
        artifacts: URL of the other run's artifacts on object storage; None if in a shared folder.
    """
    run = worker.run(run_id, started=started, refresh=refresh)
    _check_shared(run, artifacts)
    required = not worker.gpu_is_optional()
    _show(gpu.require() if required else gpu.visible())
    with survive_outages(), run.workspace.in_use():
        entry_store.fetch(run.workspace, arrays, blueprint)
        # A lease that cannot be renewed must not end a healthy training.
        with concurrency(GPU_LIMIT, lease_duration=60, raise_on_lease_renewal_failure=False):
            demanded = {"device": "gpu"} if required and settings.device == "auto" else {}
            prepare_process(settings.model_copy(update=demanded))
            train(run, arrays, blueprint, settings)
    return Completed(message=TRAIN.key(arrays, blueprint, settings))


def _check_shared(run: Run, artifacts: str | None) -> None:
    worker.check_storage(run, artifacts)
    if artifacts is None and not new_run.is_claimed(run.workspace, run.id):
        raise ConfigError(
            f"The run {run.id}, which this training is for, is not active in {run.workspace}; "
            "SIGHTLINE_ARTIFACTS of both workers must name the same storage. If that run has "
            "ended in the meantime, start it again."
        )


def _show(found: tuple[Gpu, ...]) -> None:
    log = get_run_logger()
    if not found:
        log.warning("No GPU found and SIGHTLINE_GPU is optional: training on the CPU")
        return
    rows = [{**one.model_dump(), "memory": f"{one.memory_bytes / 2**30:.0f} GiB"} for one in found]
    for one in found:
        log.info("GPU: %s, driver %s, %.0f GiB", one.name, one.driver, one.memory_bytes / 2**30)
    show_table(rows, key="gpu", description="GPUs of the worker")
