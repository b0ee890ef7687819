"""`sightline train`: starts a training, follows it and shows its results."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from sightline.config import RunConfig
from sightline.data import locate, recommend
from sightline.experiments import new_run
from sightline.experiments import seeds as seed_runs
from sightline.experiments.seeds import SeedSummary
from sightline.flows.cli import console, options, seeds_table
from sightline.flows.cli import dry_run as planned
from sightline.flows.cli.config_keys import ConfigKeysCommand
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.cli.start import start
from sightline.flows.preflight import Preflight, ingest_ahead, preflight
from sightline.flows.trials.runners import RunnerName, opened
from sightline.flows.trials.seeds import train_side_by_side
from sightline.flows.trials.trial import DEPLOYMENT, Runner
from sightline.pipeline.process import keras_process
from sightline.records import Run, RunSummary
from sightline.storage import known_digests
from sightline.storage.text import printable
from sightline.training.nodes import nodes

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Examples:\n\nsightline train --recipe quickstart\n\n"
    "sightline train --dataset ./my-images --set training.epochs=10\n\n"
    "sightline train --dataset mnist --data-dir ./downloads --json\n\n"
    "sightline train --dataset s3://bucket/my-images\n\n"
    "sightline train --seeds 5 --parallel 2\n\n"
    "sightline train --seeds 5 --runner ray --gpus-per-trial 1"
)


class Gate(StrEnum):
    """What the promotion gate may do."""

    OFF = "off"
    REPORT = "report"
    ENFORCE = "enforce"


_RunIdOption = Annotated[
    str | None, typer.Option(help="ID of the run. Default: time, data set and recipe.")
]
_RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Ignore the cache and rerun every stage.")
]


def _trust_nothing(wanted: bool) -> None:
    if wanted:
        os.environ[known_digests.VARIABLE] = "1"  # of the processes that compute, too


_VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify",
        callback=_trust_nothing,
        help="Read every file of the data set and the cache, also those that have not changed "
        f"since they were last read ({known_digests.VARIABLE}=1 for all commands).",
    ),
]
_SeedsOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=seed_runs.MOST,
        help="Repeat with N seeds, starting at training.seed, and report the spread.",
        metavar="N",
    ),
]
_GateOption = Annotated[
    Gate | None,
    typer.Option(
        help="Export the model and compare it with the champion. report: only show the "
        "result; enforce: promote the model if it is better. A refusal does not fail the run. "
        "Default: promotion.gate. Always off with several seeds."
    ),
]
_IfChangedOption = Annotated[
    bool,
    typer.Option(
        "--if-changed/--always",
        help="Skip the run if data, code, config and environment are unchanged.",
    ),
]
_DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Print the stages, cached or not, and an estimate; stop there."),
]


@app.command(epilog=EXAMPLES, cls=ConfigKeysCommand)
def train(
    dataset: options.RecipeDataset = None,
    recipe: options.Recipe = recommend.AUTO,
    config: options.Config = None,
    overrides: options.Overrides = None,
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    workspace: options.Workspace = options.WORKSPACE,
    run_id: _RunIdOption = None,
    refresh: _RefreshOption = False,
    verify: _VerifyOption = False,
    seeds: _SeedsOption = 1,
    parallel: options.Parallel = None,
    runner: options.RunnerOption = RunnerName.AUTO,
    gpus_per_trial: options.GpusPerTrial = None,
    deployment: options.Deployment = DEPLOYMENT,
    gate: _GateOption = None,
    if_changed: _IfChangedOption = False,
    dry_run: _DryRunOption = False,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Train and evaluate a model and write a report. Unchanged stages come from the cache."""
    console.show_log(verbose=verbose)
    chosen = [f'promotion.gate="{gate}"'] if gate else []
    with progress_display():  # of the digests of many files
        settings = recommend.load(recipe, config, [*(overrides or []), *chosen], dataset)
    if hidden := locate.describe_hidden(settings.data.dataset, data_dir):
        console.note(hidden)
    if run_id is None:
        run_id = new_run.new_id(locate.slug(settings.data.dataset), settings.recipe)
    run = Run(id=run_id, workspace=workspace, data_dir=data_dir, mirror=mirror, refresh=refresh)
    if not nodes().leads:
        _follow(settings, run, verbose=verbose)
        return
    if seeds > 1 and settings.promotion.gate != "off":
        console.note("The promotion gate is off because several seeds are trained.")
    with progress_display():
        checked = preflight(settings, run, seeds, compare=if_changed)
    if checked.changes:
        console.note(checked.changes.sentence)
    if checked.unchanged:
        return
    if dry_run:
        planned.show(checked, as_json=as_json)
        return
    summary: RunSummary | SeedSummary
    if _needs_runner(checked, runner, parallel):
        with opened(runner, parallel, deployment, gpus_per_trial, verbose=verbose) as trials:
            summary = _start_side_by_side(checked, trials)
    else:
        summary = start(checked, verbose=verbose)
    if as_json:
        typer.echo(summary.model_dump_json())
    out = console.err if as_json else console.out()
    if isinstance(summary, RunSummary):
        console.show_summary(summary, out)
    else:
        seeds_table.show(summary, out)


def _needs_runner(checked: Preflight, runner: RunnerName, parallel: int | None) -> bool:
    """Return whether a runner trains the seeds that are left, even if only one is."""
    is_chosen = runner in {RunnerName.RAY, RunnerName.DEPLOYMENTS} or (parallel or 1) > 1
    return is_chosen and len(checked.planned) > 1 and len(checked.unfinished) > 0


def _start_side_by_side(checked: Preflight, runner: Runner) -> SeedSummary:
    """Train several seeds at a time; the run of each claims its ID itself."""
    config, run, source = checked.config, checked.run, checked.source
    with graceful_sigterm(), progress_display(), run.workspace.in_use():
        if config.data.shard_deployment is None:  # else the first training hands the shards over
            ingest_ahead(config, run, source)
        console.note(
            f"Runs {checked.planned[0].run.id} to {checked.planned[-1].run.id}, {runner.at_once} "
            f"at a time, data set {printable(config.data.dataset)}, recipe {config.recipe}"
        )
        seeds = (checked.planned, checked.unfinished)
        return train_side_by_side(runner, *seeds, source, runner.at_once)


def _follow(config: RunConfig, run: Run, *, verbose: bool) -> None:
    """Take part in the training of node 0, which does all the rest."""
    from sightline.flows.follow import follow

    console.note(f"Training as {nodes()}")
    keras_process().verbose = verbose
    with graceful_sigterm():
        trained = follow(config, run)
    console.note(f"Trained {trained.epochs:,} epochs; node 0 writes the run.")
