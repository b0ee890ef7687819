"""`sightline runs`: what past runs found."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from sightline.flows.cli import console, runs_compare, runs_history, runs_list, runs_prune
from sightline.flows.cli.options import ArtifactsOption
from sightline.runs import pins, run_folder
from sightline.runs import verify as verification
from sightline.storage.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True, help="List, compare, show, check, open, pin and prune past runs."
)

RunArgument = Annotated[
    str, typer.Argument(help='Run id, the first characters of one, or "latest".')
]


app.command("list", epilog=runs_list.EXAMPLES)(runs_list.list_runs)
app.command(epilog=runs_history.EXAMPLES)(runs_history.history)
app.command("compare", epilog=runs_compare.EXAMPLES)(runs_compare.compare)


@app.command()
def show(run: RunArgument, artifacts: ArtifactsOption = Path("artifacts")) -> None:
    """Show a run's result, stages and provenance."""
    root = artifacts.resolve()
    manifest = run_folder.read(Workspace(root), run)
    console.show_summary(run_folder.summary(Workspace(root), manifest), console.out())
    table = Table("Provenance", "", title_justify="left")
    table.columns[1].overflow = "fold"  # a digest is there to be compared
    trained = manifest.records.train
    rows: dict[str, str] = {
        "created": f"{manifest.created:%Y-%m-%d %H:%M:%S} UTC",
        **_pin_row(Workspace(root), manifest.run_id),
        "device": trained.device,
        "gpus": "; ".join(
            f"{gpu.name}, driver {gpu.driver}, {gpu.memory_bytes / 2**30:.0f} GiB"
            for gpu in trained.gpus
        )
        or "none",
        "images a second": f"{trained.images_per_second:,.0f}",
        "checkpoints": f"{trained.checkpoints} written in {trained.checkpoint_seconds:.1f} s",
        "resumed": " ".join(trained.resumed) or "never",
        "peak memory": f"{trained.peak_memory_bytes / 2**20:,.0f} MiB",
        "weights_sha256": manifest.weights_sha256,
        "source_sha256": manifest.source_sha256,
        "code_sha256": manifest.code_sha256,
        "lock_sha256": manifest.lock_sha256 or "no lock file",
        **manifest.environment["versions"],
    }
    for name, value in rows.items():
        table.add_row(name, console.plain(value))
    console.out().print(table)


def _pin_row(workspace: Workspace, run_id: str) -> dict[str, str]:
    pin = pins.find(workspace, run_id)
    if pin is None:
        return {}
    since = f"{pin.pinned:%Y-%m-%d %H:%M:%S} UTC" if pin.pinned else "its pin is damaged"
    return {"pinned": f"{since}: {pin.reason}" if pin.reason else since}


@app.command(epilog="Example: sightline runs verify latest")
def verify(
    run: Annotated[
        str | None,
        typer.Argument(help='Run id, the first characters of one, or "latest"; all by default.'),
    ] = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Compare every file of a run, or of all runs, with its digest; exit 1 if one is damaged."""
    verdicts = verification.verify(Workspace(artifacts.resolve()), run)
    table = Table("Run", "Files", "Size", "Result")
    table.columns[0].overflow = "fold"
    for verdict in verdicts:
        damaged = f"[bold red]damaged: {len(verdict.damages)}[/bold red]"
        table.add_row(
            console.plain(verdict.run_id),
            f"{verdict.files:,}",
            decimal(verdict.bytes),
            damaged if verdict.damages else "[green]ok[/green]",
        )
    console.out().print(table)
    damages = [damage for verdict in verdicts for damage in verdict.damages]
    for damage in damages:
        text = f"{damage.path}: expected {damage.expected}, found {damage.found}"
        console.err.print(text, soft_wrap=True, markup=False)
    raise typer.Exit(1 if damages else 0)


@app.command("open")
def open_run(run: RunArgument, artifacts: ArtifactsOption = Path("artifacts")) -> None:
    """Open a run's report in the browser."""
    root = artifacts.resolve()
    report = (
        run_folder.folder(Workspace(root), run_folder.read(Workspace(root), run).run_id)
        / "report.html"
    )
    typer.echo(report)
    if not webbrowser.open(report.as_uri()):
        console.err.print("No browser could be started; open the file above yourself.")


@app.command(epilog='Example: sightline runs pin latest --reason "in the paper"')
def pin(
    run: RunArgument,
    reason: Annotated[str, typer.Option(help="Why, for people.")] = "",
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Pin a run, so that it is never pruned."""
    made = pins.pin(Workspace(artifacts.resolve()), run, reason)
    typer.echo(f"Pinned {made.run_id}.")


@app.command()
def unpin(run: RunArgument, artifacts: ArtifactsOption = Path("artifacts")) -> None:
    """Take a run's pin away; the run may be pruned then."""
    typer.echo(f"No longer pinned: {pins.unpin(Workspace(artifacts.resolve()), run)}.")


app.command(epilog=runs_prune.EXAMPLES)(runs_prune.prune)
