"""The `sightline` command: its subcommands, its version and how it reports errors."""

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sightline.errors import SightlineError
from sightline.flows.cli import completion
from sightline.pipeline.fast_import import uncollected

SUMMARIES = {
    "train": "Train and evaluate a model and write a report.",
    "tune": "Search hyperparameters, then train and evaluate the best ones.",
    "predict": "Classify images with a trained model.",
    "score": "Classify the images that this model has not scored, and compare them with its test "
    "images.",
    "evaluate": "Measure a model on labelled images, with all measures of a run's report, and "
    "write a page.",
    "serve": "Predict images over HTTP: POST /predict, the Open Inference Protocol, /metrics.",
    "reproduce": "Repeat a run from its manifest, without the cache, and compare the weights.",
    "doctor": "Check versions, device, server, storage and free disk space.",
    "labels": "Choose images to label, and take the labels into the data set.",
    "datasets": "List, fetch, inspect and watch data sets.",
    "recipes": "List and show recipes, which are named configs.",
    "config": "Write a config file to edit, its JSON Schema, or the reference.",
    "runs": "List, show, compare, verify, open, pin and prune past runs.",
    "models": "List, show, promote, roll back, export, verify and prune registered models.",
    "ops": "Start, configure and monitor the Prefect server.",
}
"""Each command, a module beside this one with an `app`, and the beginning of its help: a command
is imported when it is called, and none of them for the list of all."""


class Commands(Mapping[str, Any]):
    """The commands by name, which are imported when they are looked up."""

    def __getitem__(self, name: str) -> Any:
        """Import a command."""
        if name not in SUMMARIES:
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(SUMMARIES)

    def __len__(self) -> int:
        """Return the number of commands."""
        return len(SUMMARIES)


class CommandLine(TyperGroup):
    """Prints Sightline's own errors as one message, without a traceback, and sets the exit code."""

    def __init__(self, **given: Any) -> None:
        """Take the commands from their modules."""
        super().__init__(**{**given, "commands": Commands()})

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the summaries of the commands."""
        imported, self.commands = (
            self.commands,
            {name: TyperCommand(name, help=text) for name, text in SUMMARIES.items()},
        )
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = imported

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command, or complete a line of it."""
        completion.set_bash_key_aside()
        return super().main(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SightlineError as error:
            from sightline.flows.cli import console

            console.err.print(
                f"[bold red]Error:[/bold red] {console.plain(str(error))}", soft_wrap=True
            )
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt as interrupt:
            from sightline.flows.cli import console, signals

            console.note(
                "Interrupted. Finished stages and the last checkpoint are kept; run the same "
                "command again to resume."
            )
            raise typer.Exit(signals.exit_code(interrupt)) from None


@cache
def _load(name: str) -> Any:
    """Import the module of a command."""
    with uncollected():
        module = importlib.import_module(f"{__package__}.{name}")
    command = typer.main.get_command(module.app)
    command.name = name  # a group has none
    return command


app = typer.Typer(
    name="sightline",
    cls=CommandLine,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="To start: sightline train --recipe quickstart",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from sightline.pipeline import provenance

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


def main() -> None:
    """Run the command line."""
    app()
