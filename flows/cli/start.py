"""Starts a training that passed the checks, for the command line and for Python."""

from contextlib import ExitStack, nullcontext
from functools import partial

from sightline.data import announcement, fact_lines
from sightline.data.estimate import estimate
from sightline.experiments.seeds import SeedSummary
from sightline.flows.cli import console
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.preflight import Preflight, ingest_ahead
from sightline.flows.server import api
from sightline.flows.stage_plan import plan_stages
from sightline.pipeline.fast_import import uncollected
from sightline.pipeline.process import keras_process
from sightline.records import DatasetFacts, RunSummary
from sightline.storage.text import printable
from sightline.training.device import prepare_process


def start(checked: Preflight, *, verbose: bool) -> RunSummary | SeedSummary:
    """Train what passed the checks, with progress on standard error.

    The slow starts overlap: the server, Keras, Prefect's import, ingest.

    Raises InputError if a run ID is taken, a demanded device is missing or the data is unusable,
    and RunError if a stage failed.
    """
    config, run, source = checked.config, checked.run, checked.source
    with graceful_sigterm(), progress_display(), checked.claimed(), ExitStack() as listening:
        api.configure(verbose=verbose)
        server = api.reach()  # None if a configured server answers
        dataset = printable(config.data.dataset)
        console.note(f"Run {run.id}, data set {dataset}, recipe {config.recipe}")
        if config.choice:
            console.note(config.choice)
        keras_process().verbose = verbose
        process = prepare_process(config.training)
        plans = [plan_stages(one.config, one.run, source) for one in checked.unfinished]
        if plans and plans[0].reasons:
            console.note(plans[0].reasons)
        is_cached = all(plan.cached for plan in plans)
        if not is_cached:
            process.start()
        if server is not None or not verbose:  # else the flow's log has the lines
            listening.enter_context(
                announcement.listening(partial(_show_facts, checked, is_cached))
            )
        is_ahead = server is not None and config.data.shard_deployment is None
        ahead = ingest_ahead(config, run, source) if is_ahead else None
        # Prefect reads its settings from the environment when it is imported, which takes a second.
        with uncollected():
            from sightline.flows.called_flow import without_heartbeats
            from sightline.flows.train import training_flow

        if server is not None:
            server.wait()
        seeds = len(checked.planned)
        # A private server has nobody who looks for them, and a cached run is over before the second
        is_silent = is_cached or server is not None
        summary: RunSummary | SeedSummary
        with without_heartbeats() if is_silent else nullcontext():
            if seeds > 1:
                from sightline.flows.train_seeds import seeds_flow

                summary = seeds_flow(config, run, seeds, source, ahead)
            else:
                summary = training_flow(config, run, source, ahead)
    return summary


def _show_facts(
    checked: Preflight, is_cached: bool, facts: DatasetFacts, ingest_seconds: float
) -> None:
    """Print how the data are read, and an estimate unless every stage is cached."""
    expected = None
    if not is_cached:
        expected = estimate(facts, ingest_seconds, checked.config, len(checked.unfinished))
    for title, sentence in fact_lines.lines(facts, expected).items():
        console.note(f"{title}: {printable(sentence)}")
    console.show_notes(fact_lines.other_decisions(facts))
