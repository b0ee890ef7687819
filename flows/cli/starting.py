"""How a command starts a training: claims its runs, overlaps the slow starts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sightline.config import RunConfig, TrainingConfig
from sightline.data import ingest, preprocess
from sightline.data.validation import gate
from sightline.evaluation import slices
from sightline.flows.cli import console
from sightline.flows.cli.signals import ending_in_order
from sightline.flows.server import api
from sightline.pipeline.process import keras_process, prepare_device
from sightline.records import DeviceReport, Run, RunSummary, Source
from sightline.registry import workflow
from sightline.runs import run_folder
from sightline.runs.seeds import SeedRun, SeedSummary


def start(
    planned: Sequence[SeedRun],
    left: Sequence[SeedRun],
    run: Run,
    source: Source,
    *,
    verbose: bool,
) -> RunSummary | SeedSummary:
    """Train what is planned, with progress on standard error.

    Args:
        planned: One run, or one a seed.
        left: Those of them that are not there yet.
        run: What was asked for; gives the artifacts root.
        source: The data set's source.
        verbose: Whether to show what Prefect and TensorFlow write.

    Returns:
        What came out.

    Raises:
        InputError: A run id is taken, a demanded device is missing, the data cannot be used.
        RunError: A stage failed.
    """
    workflow.check_requirements(planned[0].config)
    with ending_in_order(), console.ProgressDisplay(), run.workspace.in_use(), _claimed(left):
        return _train(planned, run, source, verbose=verbose)


def look_at_device(settings: TrainingConfig, *, verbose: bool) -> DeviceReport | None:
    """Ask Keras what a training would compute on; its process goes on to train.

    Args:
        settings: Of the training.
        verbose: Whether to show what TensorFlow writes.

    Returns:
        None where the training is handed to a deployment, whose machine nobody knows yet.

    Raises:
        DeviceError: A GPU is demanded and there is none.
    """
    keras_process().verbose = verbose
    prepare_device(settings)
    if settings.deployment is not None:
        return None
    return keras_process().call("sightline.training.device", "inspect", DeviceReport, settings)


@contextmanager
def _claimed(planned: Sequence[SeedRun]) -> Iterator[None]:
    with ExitStack() as held:
        for one in planned:
            held.enter_context(run_folder.claimed(one.run.workspace, one.run.id))
        yield


def _train(
    planned: Sequence[SeedRun], run: Run, source: Source, *, verbose: bool
) -> RunSummary | SeedSummary:
    """Overlap the slow starts: the server, the import of Keras, the import of Prefect, ingest."""
    config = planned[0].config
    api.configure(verbose=verbose)
    private = api.reach(verbose=verbose)
    keras_process().verbose = verbose
    prepare_device(config.training)
    if run.refresh or not all(
        run_folder.has_equal(run.workspace, one.config, source) for one in planned
    ):
        keras_process().start()
    if private is not None:
        run = ingest_ahead(config, run, source)
    from sightline.flows.train import training_flow
    from sightline.flows.train_seeds import seeds_flow

    if private is not None:
        private.wait()
    if len(planned) > 1:
        return seeds_flow(config, run, len(planned), source)
    return training_flow(config, run, source)


def ingest_ahead(config: RunConfig, run: Run, source: Source) -> Run:
    """Ingest while others start; what cannot be used stops the run before they are waited for.

    Args:
        config: What to do.
        run: Where to do it.
        source: The data set's source.

    Returns:
        The run, with the time that this took.

    Raises:
        InputError: The data cannot be used.
    """
    started = time.monotonic()
    ingested = ingest.ingest(run, source, config.data)
    last_run = run_folder.last(run.workspace, ingested.dataset)
    gate.check_data(run.workspace, ingested, config.data_gate, last_run)
    preprocess.check(ingested, config.preprocessing)
    slices.check(run.workspace, ingested, config.evaluation.slices)
    return run.model_copy(update={"ahead": {"ingest": time.monotonic() - started}})
