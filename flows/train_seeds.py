"""The main path once per seed, one after the other, and the spread of the results."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sightline.config import RunConfig
from sightline.experiments import seeds as seed_runs
from sightline.experiments.seeds import SeedRun, SeedSummary
from sightline.flows.called_flow import Undescribed, called_flow
from sightline.flows.preflight import IngestedAhead, preflight
from sightline.flows.train import run_stages
from sightline.pipeline.process import keras_process
from sightline.pipeline.progress import Progress, emit
from sightline.records import Run, Source
from sightline.tasks.seed_noise import measure
from sightline.training.device import prepare_process

_SEEDS_PER_PROCESS = 10
"""Keras keeps a few megabytes of each training; its process is restarted after this many."""


@called_flow("train-seeds")
def seeds_flow(
    config: Undescribed[RunConfig],
    run: Undescribed[Run],
    seeds: int,
    source: Undescribed[Source] | None = None,
    ahead: Undescribed[IngestedAhead] | None = None,
) -> SeedSummary:
    """Train with several seeds, each with its own run folder, then measure the noise band.

    Seeds that an earlier, interrupted flow of the same run ID has finished are not trained again.

    Args:
        config: Config of the training; its seed is the first, the next ones follow.
        run: Workspace of the runs, and the prefix of their IDs.
        seeds: Number of seeds, at least 2.

    Raises InputError as in `training_flow`, and RunError if a stage failed; earlier seeds are kept.
    """
    if source is not None:
        planned = seed_runs.per_seed(config, run, seeds)
        return train_seeds(planned, seed_runs.missing(planned), source, ahead)
    checked = preflight(config, run, seeds)
    prepare_process(config.training)
    with checked.claimed():
        return train_seeds(checked.planned, checked.unfinished, checked.source)


def train_seeds(
    planned: Sequence[SeedRun],
    unfinished: Sequence[SeedRun],
    source: Source,
    ahead: IngestedAhead | None = None,
) -> SeedSummary:
    """Train the unfinished seeds of a training that passed the checks, then measure all."""
    for done, one in enumerate(unfinished, start=len(planned) - len(unfinished)):
        emit(Progress(stage="seeds", done=done, total=len(planned), unit="done"))
        if one is unfinished[0]:
            run_stages(one.config, one.run, source, ahead)
            continue
        if done % _SEEDS_PER_PROCESS == 0:
            keras_process().close()
        run = one.run.model_copy(update={"started": datetime.now(UTC)})
        run_stages(one.config, run, source)
    return measure(planned[0].run, tuple(one.run.id for one in planned))
