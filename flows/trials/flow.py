"""The flow of one trial, in a local process or as a run of a deployment."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from sightline.config import RunConfig
from sightline.errors import SightlineError, StoppedError
from sightline.experiments import new_run
from sightline.flows import worker
from sightline.flows.outage import survive_outages
from sightline.flows.stage_plan import plan_stages
from sightline.flows.stage_timer import StageTimer
from sightline.flows.train import fit_stages, run_stages
from sightline.flows.trials.epoch_table import EpochTable
from sightline.flows.trials.trial import Epoch, Trial, TrialResult
from sightline.pipeline.process import keras_process
from sightline.pipeline.progress import Progress, listening
from sightline.records import Run, Source, TrainedModel
from sightline.training.device import prepare_process

_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


@flow(name="trial", flow_run_name="{trial.run.id}", persist_result=False, result_serializer="json")
def trial_flow(trial: Trial, report: Callable[[Epoch], None]) -> TrialResult | State[Any]:
    """Train a trial and call `report` at the end of each epoch; errors as in `training_flow`.

    A trial that is stopped ends Cancelled.
    """
    try:
        return run_trial(trial, report)
    except StoppedError as error:
        return Cancelled(message=str(error))


@flow(name="trial", flow_run_name="{run_id}", persist_result=False, result_serializer="json")
def deployed_trial(
    run_id: str,
    started: datetime,
    config: RunConfig,
    source: Source,
    complete: bool = False,
    refresh: bool = False,
    artifacts: str | None = None,
) -> State[Any]:
    """Train one trial of a search, or one of several seeds, for the command that started this flow.

    Args:
        run_id: ID of the trial's run.
        started: When the run was requested.
        config: Config of the run.
        source: Source of the data set, as the command found it.
        complete: Whether to evaluate the model and publish a run folder after the training.
        refresh: Ignore the cache.
        artifacts: URL of the command's artifacts on object storage; None if in a shared folder.
    """
    try:
        with survive_outages():
            run = worker.run(run_id, started=started, refresh=refresh)
            worker.check_shared(run, artifacts)
            trial = Trial(config=config, run=run, source=source, complete=complete)
            return Completed(message=run_trial(trial, EpochTable().add).model_dump_json())
    except SightlineError as error:
        return Failed(data=error, name=type(error).__name__, message=str(error))


def run_trial(trial: Trial, report: Callable[[Epoch], None]) -> TrialResult:
    """Run the stages of a trial within a flow."""
    config, run, started, cpu = trial.config, trial.run, time.monotonic(), cpu_seconds()

    def cost() -> float:
        return round(cpu_seconds() - cpu, 2)

    process = prepare_process(config.training)
    with ExitStack() as held:
        held.enter_context(run.workspace.in_use())
        held.enter_context(new_run.claim(run.workspace, run.id))
        held.enter_context(_reporting(config, report, cost))
        if not _is_trained(trial):
            process.start()
        if trial.complete:
            run_stages(config, run, trial.source)
            return TrialResult(seconds=time.monotonic() - started, cpu_seconds=cost())
        trained = fit_stages(StageTimer({}), run, config, trial.source).trained
    return TrialResult(
        epochs=_history(run, trained),
        kept=trained.best_epoch or trained.epochs,
        seconds=round(time.monotonic() - started, 2),
        cpu_seconds=cost(),
    )


def _is_trained(trial: Trial) -> bool:
    """Return whether the training is in the cache, so that Keras is not needed."""
    plan = plan_stages(trial.config, trial.run, trial.source)
    return any(stage.name == "train" and stage.cached for stage in plan.stages)


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its Keras process so far."""
    return time.process_time() + keras_process().cpu_seconds()


@contextmanager
def _reporting(
    config: RunConfig, report: Callable[[Epoch], None], cost: Callable[[], float]
) -> Iterator[None]:
    """Report the epochs of the last phase of a training."""
    phases = 2 if config.training.frozen.epochs else 1
    begun = 0

    def listen(progress: Progress) -> None:
        nonlocal begun
        if progress.stage != "train":
            return
        if not progress.unit:
            begun += progress.done == 0
        elif progress.epoch_done and progress.epoch and begun == phases:
            metrics = {name: progress.facts[name] for name in _METRICS if name in progress.facts}
            report(Epoch(epoch=progress.epoch, metrics=metrics, cpu_seconds=cost()))

    with listening(listen):
        yield


def _history(run: Run, trained: TrainedModel) -> tuple[Epoch, ...]:
    rows = pq.read_table(run.workspace.path(trained.history.path)).to_pylist()
    return tuple(
        Epoch(epoch=row["epoch"], metrics={name: row[name] for name in _METRICS if name in row})
        for row in rows
    )
