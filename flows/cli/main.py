"""The `sightline` command: parses, calls a flow or a domain function, prints."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from sightline.config import RunConfig, loading
from sightline.data import locate
from sightline.errors import SightlineError
from sightline.flows.cli import (
    console,
    models,
    ops,
    predict,
    reproduce,
    seed_table,
    signals,
    starting,
)
from sightline.flows.cli import datasets as cli_datasets
from sightline.flows.cli import recipes as cli_recipes
from sightline.flows.cli import runs as cli_runs
from sightline.flows.cli.options import (
    ArtifactsOption,
    DataDirOption,
    MirrorOption,
    OverridesOption,
)
from sightline.flows.server import api
from sightline.pipeline import doctor as diagnosis
from sightline.pipeline import provenance
from sightline.records import Run, RunSummary, Source
from sightline.runs import run_folder
from sightline.runs import seeds as seed_runs
from sightline.runs.seeds import SeedRun
from sightline.storage.workspace import Workspace


class Gate(StrEnum):
    """What the promotion gate may do."""

    OFF = "off"
    REPORT = "report"
    ENFORCE = "enforce"


class PoliteGroup(TyperGroup):
    """Ends our own errors with one sentence and their exit code, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SightlineError as error:
            console.err.print(
                f"[bold red]Error:[/bold red] {console.plain(str(error))}", soft_wrap=True
            )
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt as interrupt:
            console.err.print(
                "Interrupted; the stages that were done and the last checkpoint are kept: the same "
                "command goes on from there.",
                soft_wrap=True,
            )
            raise typer.Exit(signals.exit_code(interrupt)) from None


app = typer.Typer(
    name="sightline",
    cls=PoliteGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Begin with: sightline train --recipe quickstart",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(provenance.versions("sightline")["sightline"])
        raise typer.Exit


@app.callback()
def sightline(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """Train an image classifier as a pipeline; every run leaves a report."""


app.add_typer(cli_datasets.app, name="datasets")
app.add_typer(cli_recipes.app, name="recipes")
app.add_typer(cli_runs.app, name="runs")
app.add_typer(models.app, name="models")
app.add_typer(ops.app, name="ops")
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=reproduce.EXAMPLES)(reproduce.reproduce)


@app.command(
    epilog="Examples:\n\nsightline train --recipe quickstart\n\n"
    "sightline train --dataset ./my-images --set training.epochs=10\n\n"
    "sightline train --dataset mnist --data-dir ./downloads --json"
)
def train(
    dataset: Annotated[
        str | None,
        typer.Option(help="Name of a data set or a path to your own; the recipe's by default."),
    ] = None,
    recipe: Annotated[str, typer.Option(help="See `sightline recipes list`.")] = loading.DEFAULT,
    config: Annotated[
        Path | None, typer.Option(help="TOML file whose keys replace the recipe's.")
    ] = None,
    overrides: OverridesOption = None,
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
    run_id: Annotated[str | None, typer.Option(help="Name of the run; made up by default.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Make every stage again.")] = False,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            max=seed_runs.MOST,
            help="Train so many seeds, training.seed and those after it, and measure how far the "
            "results lie apart.",
        ),
    ] = 1,
    gate: Annotated[
        Gate | None,
        typer.Option(
            help="Export the model and hold it against the champion: not at all, to report it, or "
            "to promote it where it is better; promotion.gate by default. A refusal is no failure "
            "of the run. Several seeds are never judged."
        ),
    ] = None,
    if_changed: Annotated[
        bool,
        typer.Option(
            "--if-changed/--force",
            help="Only run if data, code, config or environment changed, or run in any case.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what Prefect and TensorFlow write.")
    ] = False,
) -> None:
    """Train, evaluate and report; what is already there is taken from the cache."""
    console.show_log(verbose=verbose)
    chosen = [f'promotion.gate="{gate}"'] if gate else []
    settings = loading.load(recipe, config, [*(overrides or []), *chosen], dataset)
    run = Run(
        id=_new_id(settings) if run_id is None else run_id,
        workspace=Workspace(artifacts.resolve()),
        data_dir=data_dir,
        mirror=mirror,
        refresh=refresh,
    )
    planned = seed_runs.plan(settings, run, seeds)
    if seeds > 1 and settings.promotion.gate != "off":
        console.err.print("Several seeds are measured and not judged: the promotion gate is off.")
    run.workspace.check_writable()
    source = locate.locate(settings.data)
    left = seed_runs.unfinished(planned, source)
    if if_changed and _is_unchanged(planned, source):
        return
    summary = starting.start(planned, left, run, source, verbose=verbose)
    if as_json:
        typer.echo(summary.model_dump_json())
    out = console.err if as_json else console.out()
    if isinstance(summary, RunSummary):
        console.show_summary(summary, out)
    else:
        seed_table.show(summary, out)


def _new_id(settings: RunConfig) -> str:
    return run_folder.new_id(locate.slug(settings.data.dataset), settings.recipe)


def _is_unchanged(planned: Sequence[SeedRun], source: Source) -> bool:
    compared = seed_runs.since_last(planned, source)
    console.err.print(compared.sentence, soft_wrap=True, markup=False)
    return compared.unchanged and not planned[0].run.refresh


@app.command()
def doctor(artifacts: ArtifactsOption = Path("artifacts")) -> None:
    """Check versions, device, server, storage and free disk; exit 1 if something would fail."""
    checks = diagnosis.check_all(Workspace(artifacts.resolve()), api.configured_url())
    table = Table("Check", "", "Found")
    for check in checks:
        mark = "[green]ok[/green]" if check.passed else "[bold red]fails[/bold red]"
        table.add_row(check.name, mark, console.plain(check.found))
    console.out().print(table)
    raise typer.Exit(0 if all(check.passed for check in checks) else 1)


def main() -> None:
    """Run the command line."""
    app()
