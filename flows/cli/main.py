"""The `sightline` command: its subcommands, its version and how it reports errors."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sightline.errors import SightlineError
from sightline.flows.cli import (
    completion,
    config,
    config_keys,
    console,
    datasets,
    doctor,
    evaluate,
    models,
    ops,
    predict,
    recipes,
    reproduce,
    runs,
    score,
    serve,
    signals,
    train,
    tune,
)
from sightline.pipeline import provenance


class ErrorReportingGroup(TyperGroup):
    """Prints Sightline's own errors as one message, without a traceback, and sets the exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command, or complete a line of it."""
        completion.set_bash_key_aside()
        return super().main(*args, **extra)

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
            console.note(
                "Interrupted. Finished stages and the last checkpoint are kept; run the same "
                "command again to resume."
            )
            raise typer.Exit(signals.exit_code(interrupt)) from None


app = typer.Typer(
    name="sightline",
    cls=ErrorReportingGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="To start: sightline train --recipe quickstart",
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
    """Train image classifiers as a reproducible pipeline. Every run writes a report."""


app.command(epilog=train.EXAMPLES, cls=config_keys.ConfigKeysCommand)(train.train)
app.command(epilog=tune.EXAMPLES, cls=config_keys.ConfigKeysCommand)(tune.tune)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=score.EXAMPLES)(score.score)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=serve.EXAMPLES)(serve.serve)
app.command(epilog=reproduce.EXAMPLES)(reproduce.reproduce)
app.command(epilog="Example: sightline doctor --artifacts /srv/sightline")(doctor.doctor)
app.add_typer(datasets.app, name="datasets")
app.add_typer(recipes.app, name="recipes")
app.add_typer(config.app, name="config")
app.add_typer(runs.app, name="runs")
app.add_typer(models.app, name="models")
app.add_typer(ops.app, name="ops")


def main() -> None:
    """Run the command line."""
    app()
