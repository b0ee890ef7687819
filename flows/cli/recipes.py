"""`sightline recipes`: the named configs."""

from typing import Annotated

import typer
from rich.table import Table

from sightline.config import loading
from sightline.flows.cli import console

app = typer.Typer(no_args_is_help=True, help="List and show recipes, which are named configs.")


@app.command("list")
def list_recipes() -> None:
    """List all recipes."""
    table = Table("Recipe", "Epochs", "Data set", "Description")
    for name in loading.names():
        config = loading.load(name)
        default = " (default)" if name == loading.DEFAULT else ""
        table.add_row(
            name + default, str(config.training.epochs), config.data.dataset, config.description
        )
    console.out().print(table)


@app.command(epilog="Example: sightline recipes show tutorial > my-recipe.toml")
def show(name: Annotated[str, typer.Argument(help="Name of the recipe.")]) -> None:
    """Print a recipe as TOML. Save it, edit it and pass it with --config."""
    typer.echo(loading.text(name), nl=False)
