"""`sightline runs`: past runs and their results."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from sightline.experiments import pins, run_folder
from sightline.experiments import verify as verification
from sightline.flows.cli import console, options, runs_compare, runs_history, runs_list, runs_prune
from sightline.records import StageRecords, TrainedModel
from sightline.reporting import metric_tables, publish, tables
from sightline.storage.workspace import Workspace

_MOST_MISTAKES = 5  # Shown in the terminal; the report has more

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show, compare, verify, open, pin and prune past runs.",
)

app.command("list", epilog=runs_list.EXAMPLES)(runs_list.list_runs)
app.command(epilog=runs_history.EXAMPLES)(runs_history.history)
app.command(epilog=runs_compare.EXAMPLES)(runs_compare.compare)


@app.command(epilog="Example: sightline runs show latest")
def show(
    run: options.Run,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Show the results, stages and provenance of a run; with --json, its complete manifest."""
    manifest = run_folder.read(workspace, run)
    if as_json:
        typer.echo(manifest.model_dump_json())
        return
    console.show_summary(publish.summarize(workspace, manifest), console.out())
    for table in _results(manifest.records):
        console.out().print(table)
    rows = {
        "created": f"{manifest.created:%Y-%m-%d %H:%M:%S} UTC",
        **_pin_row(workspace, manifest.run_id),
        **_training_rows(manifest.records.train),
        "weights_sha256": manifest.weights_sha256,
        "source_sha256": manifest.source_sha256,
        "code_sha256": manifest.code_sha256,
        **dict([tables.libraries(manifest)]),
        **manifest.environment["versions"],
    }
    shown = ((name, console.plain(value)) for name, value in rows.items())
    console.out().print(console.table(("Provenance", ""), shown))


def _results(records: StageRecords) -> Iterator[Table]:
    measured = metric_tables.overall(records.evaluate)
    rows = ([*map(str, row)] for row in measured.rows)
    yield console.table(measured.columns, rows, right=[1, 2])
    for title, mistakes in (
        ("Most confident mistakes", records.report.mistakes),
        ("Possible label errors", records.report.label_errors),
    ):
        if mistakes:
            yield console.mistakes(title, mistakes[:_MOST_MISTAKES])


def _pin_row(workspace: Workspace, run_id: str) -> dict[str, str]:
    pin = pins.read(workspace, run_id)
    if pin is None:
        return {}
    since = f"{pin.pinned:%Y-%m-%d %H:%M:%S} UTC" if pin.pinned else "the pin's file is damaged"
    return {"pinned": f"{since}: {pin.reason}" if pin.reason else since}


def _training_rows(trained: TrainedModel) -> dict[str, str]:
    gpus = (
        f"{gpu.name}, driver {gpu.driver}, {gpu.memory_bytes / 2**30:.0f} GiB"
        for gpu in trained.gpus
    )
    return {
        "device": trained.device,
        "gpus": "; ".join(gpus) or "none",
        "images per second": f"{trained.images_per_second:,.0f}",
        "checkpoints": f"{trained.checkpoints} written in {trained.checkpoint_seconds:.1f} s",
        "resumed": " ".join(trained.resumed) or "never",
        "peak memory": f"{trained.peak_memory_bytes / 2**20:,.0f} MiB",
    }


@app.command(epilog="Example: sightline runs verify latest")
def verify(
    run: options.OptionalRun = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Verify the digest of every file of a run, or of all runs. Exit with 1 on damage."""
    verdicts = verification.verify(workspace, run)
    damages = [damage for verdict in verdicts for damage in verdict.damages]
    if as_json:
        content = [verdict.model_dump(mode="json") for verdict in verdicts]
        typer.echo(json.dumps(content, ensure_ascii=False))
        raise typer.Exit(1 if damages else 0)
    rows = [
        (
            console.plain(verdict.run_id),
            f"{verdict.files:,}",
            decimal(verdict.bytes),
            console.damage_mark(verdict.damages),
        )
        for verdict in verdicts
    ]
    console.out().print(console.table(("Run", "Files", "Size", "Result"), rows))
    console.show_damages(damages)
    raise typer.Exit(1 if damages else 0)


@app.command("open", epilog="Example: sightline runs open latest")
def open_run(run: options.Run, workspace: options.Workspace = options.WORKSPACE) -> None:
    """Open the report of a run in the browser."""
    report = run_folder.file(workspace, run_folder.read(workspace, run), "report.html")
    typer.echo(report)
    console.open_in_browser(report)


@app.command(epilog='Example: sightline runs pin latest --reason "in the paper"')
def pin(
    run: options.Run,
    reason: Annotated[str, typer.Option(help="Reason, shown by `sightline runs show`.")] = "",
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Pin a run so that it is never pruned."""
    typer.echo(f"Pinned {pins.pin(workspace, run, reason).run_id}.")


@app.command(epilog="Example: sightline runs unpin latest")
def unpin(run: options.Run, workspace: options.Workspace = options.WORKSPACE) -> None:
    """Unpin a run so that it may be pruned again."""
    typer.echo(f"Unpinned {pins.unpin(workspace, run)}.")


app.command(epilog=runs_prune.EXAMPLES)(runs_prune.prune)
