"""The main path once a seed, one after the other, and how far the results lie apart."""

from datetime import UTC, datetime

from prefect import flow

from sightline.config import RunConfig
from sightline.data import locate
from sightline.flows.train import pipeline
from sightline.pipeline.process import keras_process
from sightline.pipeline.progress import Progress, emit
from sightline.records import Run, Source
from sightline.runs import seeds as seed_runs
from sightline.runs.seeds import SeedSummary
from sightline.tasks.seed_noise import measure

_SEEDS_A_PROCESS = 10
"""Keras keeps a few megabytes of each training; after so many seeds it begins anew."""


def seed_pipeline(
    config: RunConfig, run: Run, seeds: int, source: Source | None = None
) -> SeedSummary:
    """Train once a seed, each with its own run folder, then measure the noise band.

    Seeds that an earlier, interrupted flow of the same run id has finished are not trained again.

    Args:
        config: What to do; its seed is the first, the others follow.
        run: Where to do it; its id is the beginning of theirs.
        seeds: How many, at least 2.
        source: The data set's source, where the caller has found it already.

    Returns:
        What came out for each seed, and how far they lie apart.

    Raises:
        InputError: As for one run, or a run id is taken by another run.
        RunError: A stage failed; the seeds before are kept.
    """
    source = source or locate.locate(config.data)
    planned = seed_runs.plan(config, run, seeds)
    with run.workspace.in_use():
        left = seed_runs.unfinished(planned, source)
        for done, one in enumerate(left, start=seeds - len(left)):
            emit(Progress(stage="seeds", done=done, total=seeds, unit="done"))
            if one is not left[0] and done % _SEEDS_A_PROCESS == 0:
                keras_process().close()
            pipeline(one.config, one.run if one is left[0] else _begun(one.run), source)
        return measure(run, tuple(one.run.id for one in planned))


def _begun(run: Run) -> Run:
    """Let a later run's time begin now; what was done ahead was done for the first."""
    return run.model_copy(update={"started": datetime.now(UTC), "earlier_seconds": {}})


seeds_flow = flow(
    name="train-seeds", flow_run_name="{run.id}", persist_result=False, result_serializer="json"
)(seed_pipeline)
