"""`sightline recipes`: the named configs."""

import json
from typing import Annotated

import typer

from sightline.config import loading
from sightline.data.recommend import AUTO
from sightline.flows.cli import completion, console, options

app = typer.Typer(no_args_is_help=True, help="List and show recipes, which are named configs.")


@app.command("list")
def list_recipes(as_json: options.Json = False) -> None:
    """List all recipes."""
    recipes = {name: loading.load(name) for name in loading.names()}
    if as_json:
        content = [
            {
                "name": name,
                "epochs": one.training.epochs,
                "dataset": one.data.dataset,
                "description": one.description,
            }
            for name, one in recipes.items()
        ]
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    rows = [(f"{AUTO} (default)", "", "", "Chooses a recipe and its settings from the images.")]
    for name, one in recipes.items():
        rows.append((name, str(one.training.epochs), one.data.dataset, one.description))
    columns = ("Recipe", "Epochs", "Data set", "Description")
    console.out().print(console.table(columns, rows))


@app.command(epilog="Example: sightline recipes show tutorial > my-recipe.toml")
def show(
    name: Annotated[
        str, typer.Argument(autocompletion=completion.recipes, help="Name of the recipe.")
    ],
    as_json: options.Json = False,
) -> None:
    """Print a recipe as TOML, to save, edit and pass with --config; with --json, all settings."""
    if as_json:
        typer.echo(loading.load(name).model_dump_json())
    else:
        typer.echo(loading.text(name), nl=False)
