"""`sightline train`: starts a training, follows it and shows its results."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sightline.config import RunConfig, TrainingConfig, loading
from sightline.data import ingest, locate, preprocess
from sightline.data.validation import gate as data_gate
from sightline.evaluation import slices
from sightline.flows.cli import console
from sightline.flows.cli.options import (
    DEFAULT_WORKSPACE,
    DataDirOption,
    JsonOption,
    MirrorOption,
    OverridesOption,
    VerboseOption,
    WorkspaceOption,
)
from sightline.flows.cli.signals import graceful_sigterm
from sightline.flows.server import api
from sightline.pipeline.process import keras_process
from sightline.records import DeviceReport, Run, RunSummary, Source
from sightline.registry import workflow
from sightline.runs import new_run, run_folder
from sightline.runs import seeds as seed_runs
from sightline.runs.seeds import SeedRun, SeedSummary
from sightline.training import device

EXAMPLES = (
    "Examples:\n\nsightline train --recipe quickstart\n\n"
    "sightline train --dataset ./my-images --set training.epochs=10\n\n"
    "sightline train --dataset mnist --data-dir ./downloads --json\n\n"
    "sightline train --seeds 5"
)


class Gate(StrEnum):
    """What the promotion gate may do."""

    OFF = "off"
    REPORT = "report"
    ENFORCE = "enforce"


def train(
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Name of a data set (see `sightline datasets list`) or path of your own. "
            "Default: the recipe's."
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="Named config to start from; see `sightline recipes list`.")
    ] = loading.DEFAULT,
    config: Annotated[
        Path | None, typer.Option(help="TOML file whose keys override the recipe's.")
    ] = None,
    overrides: OverridesOption = None,
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    run_id: Annotated[
        str | None, typer.Option(help="ID of the run. Default: time, data set and recipe.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ignore the cache and rerun every stage.")
    ] = False,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            max=seed_runs.MOST,
            help="Repeat with N seeds, starting at training.seed, and report the spread.",
            metavar="N",
        ),
    ] = 1,
    gate: Annotated[
        Gate | None,
        typer.Option(
            help="Export the model and compare it with the champion. report: only show the "
            "result; enforce: promote the model if it is better. A refusal does not fail the run. "
            "Default: promotion.gate. Always off with several seeds."
        ),
    ] = None,
    if_changed: Annotated[
        bool,
        typer.Option(
            "--if-changed/--force",
            help="Skip the run if data, code, config and environment are unchanged.",
        ),
    ] = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train and evaluate a model and write a report. Unchanged stages come from the cache."""
    console.show_log(verbose=verbose)
    chosen = [f'promotion.gate="{gate}"'] if gate else []
    settings = loading.load(recipe, config, [*(overrides or []), *chosen], dataset)
    run = Run(
        id=_new_id(settings) if run_id is None else run_id,
        workspace=workspace,
        data_dir=data_dir,
        mirror=mirror,
        refresh=refresh,
    )
    planned = seed_runs.plan(settings, run, seeds)
    if seeds > 1 and settings.promotion.gate != "off":
        console.note("The promotion gate is off because several seeds are trained.")
    workspace.check_writable()
    source = locate.locate(settings.data)
    left = seed_runs.unfinished(planned, source)
    if if_changed and _is_unchanged(planned, source):
        return
    summary = start(planned, left, run, source, verbose=verbose)
    if as_json:
        typer.echo(summary.model_dump_json())
    out = console.err if as_json else console.out()
    if isinstance(summary, RunSummary):
        console.show_summary(summary, out)
    else:
        show_seeds(summary, out)


def _new_id(settings: RunConfig) -> str:
    return new_run.new_id(locate.slug(settings.data.dataset), settings.recipe)


def _is_unchanged(planned: Sequence[SeedRun], source: Source) -> bool:
    compared = seed_runs.since_last(planned, source)
    console.note(compared.sentence)
    return compared.unchanged and not planned[0].run.refresh


def start(
    planned: Sequence[SeedRun],
    left: Sequence[SeedRun],
    run: Run,
    source: Source,
    *,
    verbose: bool,
) -> RunSummary | SeedSummary:
    """Train the planned runs, with progress on standard error.

    Args:
        planned: One run, or one per seed.
        left: The planned runs that do not exist yet.
        run: The run that was asked for.
        source: The data set's source.
        verbose: Whether to show the logs of Prefect and TensorFlow.

    Raises:
        InputError: A run ID is taken, a demanded device is missing, or the data is unusable.
        RunError: A stage failed.
    """
    workflow.check_requirements(planned[0].config)
    with graceful_sigterm(), console.ProgressDisplay(), run.workspace.in_use(), _claimed(left):
        return _train(planned, run, source, verbose=verbose)


def inspect_device(settings: TrainingConfig, *, verbose: bool) -> DeviceReport | None:
    """Ask Keras which device a training would use. Its process stays up for the training.

    Returns:
        None if a deployment does the training, since its machine is not known yet.

    Raises:
        DeviceError: A GPU is demanded and there is none.
    """
    keras_process().verbose = verbose
    process = device.prepare_process(settings)
    return None if settings.deployment is not None else process.run(device.inspect, settings)


@contextmanager
def _claimed(planned: Sequence[SeedRun]) -> Iterator[None]:
    with ExitStack() as held:
        for one in planned:
            held.enter_context(new_run.claim(one.run.workspace, one.run.id))
        yield


def _train(
    planned: Sequence[SeedRun], run: Run, source: Source, *, verbose: bool
) -> RunSummary | SeedSummary:
    """Overlap the slow starts: the server, the import of Keras, the import of Prefect, ingest."""
    config = planned[0].config
    api.configure(verbose=verbose)
    private = api.reach(verbose=verbose)
    keras_process().verbose = verbose
    process = device.prepare_process(config.training)
    if run.refresh or not all(
        run_folder.has_equal(run.workspace, one.config, source) for one in planned
    ):
        process.start()
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
    """Ingest while others start; unusable data stops the run before they are waited for.

    Returns:
        The run, with the time that this took.

    Raises:
        InputError: The data cannot be used.
    """
    started = time.monotonic()
    ingested = ingest.ingest(run, source, config.data)
    last_run = run_folder.last(run.workspace, ingested.dataset)
    data_gate.check_data(run.workspace, ingested, config.data_gate, last_run)
    preprocess.check(ingested, config.preprocessing)
    slices.check(run.workspace, ingested, config.evaluation.slices)
    return run.model_copy(update={"earlier_seconds": {"ingest": time.monotonic() - started}})


def show_seeds(summary: SeedSummary, out: Console) -> None:
    """Print one row per seed, their spread, and the path of the noise band."""
    first, *_, last = summary.runs
    out.print(f"Runs {first.run_id} to {last.run_id}", soft_wrap=True, markup=False)
    table = Table("Seed", "Test accuracy", "95 % interval", "Loss", "Seconds")
    for one in summary.runs:
        table.add_row(
            str(one.seed),
            f"{one.test_accuracy:.2%}",
            "{:.2%} to {:.2%}".format(*one.test_accuracy_interval),
            f"{one.test_loss:.4f}",
            f"{one.total_seconds:.1f}",
        )
    out.print(table)
    accuracy, loss = summary.noise.accuracy, summary.noise.loss
    low = max(0.0, accuracy.mean - accuracy.half_width)
    high = min(1.0, accuracy.mean + accuracy.half_width)
    out.print(
        f"Test accuracy: mean [bold]{accuracy.mean:.3%}[/bold], 95 % interval of the mean "
        f"{low:.3%} to {high:.3%}",
        soft_wrap=True,
    )
    out.print(
        f"Spread: standard deviation {100 * accuracy.deviation:.3f} points, range "
        f"{min(accuracy.values):.2%} to {max(accuracy.values):.2%}. In 95 of 100 cases, two runs "
        f"that differ only in their seed differ by at most "
        f"{100 * min(1.0, accuracy.difference):.3f} points",
        soft_wrap=True,
    )
    out.print(f"Loss: mean {loss.mean:.4f}, standard deviation {loss.deviation:.4f}")
    out.print(f"Noise band: {summary.noise_file}", soft_wrap=True, markup=False)
