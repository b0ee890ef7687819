"""`sightline recipes`: the named configs."""

import typer
from rich.table import Table

from sightline.config import loading
from sightline.flows.cli import console

app = typer.Typer(no_args_is_help=True, help="List and show recipes: named configs.")


@app.command("list")
def list_recipes() -> None:
    """List the recipes with one line each."""
    table = Table("Recipe", "Epochs", "Data set", "What it does")
    for name in loading.names():
        config = loading.load(name)
        default = " (default)" if name == loading.DEFAULT else ""
        table.add_row(
            name + default, str(config.training.epochs), config.data.dataset, config.description
        )
    console.out().print(table)


@app.command()
def show(name: str) -> None:
    """Print a recipe as TOML; save it, change it and pass it with --config."""
    typer.echo(loading.text(name), nl=False)
