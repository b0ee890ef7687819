"""`sightline recipes`: the named configs."""

from typing import Annotated

import typer

from sightline.config import loading
from sightline.data.recommend import AUTO
from sightline.flows.cli import console

app = typer.Typer(no_args_is_help=True, help="List and show recipes, which are named configs.")


@app.command("list")
def list_recipes() -> None:
    """List all recipes."""
    rows = [(f"{AUTO} (default)", "", "", "Chooses a recipe and its settings from the images.")]
    for name in loading.names():
        one = loading.load(name)
        rows.append((name, str(one.training.epochs), one.data.dataset, one.description))
    columns = ("Recipe", "Epochs", "Data set", "Description")
    console.out().print(console.table(columns, rows))


@app.command(epilog="Example: sightline recipes show tutorial > my-recipe.toml")
def show(name: Annotated[str, typer.Argument(help="Name of the recipe.")]) -> None:
    """Print a recipe as TOML. Save it, edit it and pass it with --config."""
    typer.echo(loading.text(name), nl=False)
