"""`sightline recipes`: the named configs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sightline.config import layers, loading, toml
from sightline.config.flatten import flatten
from sightline.data import recommend
from sightline.data.recommend import AUTO
from sightline.flows.cli import completion, console, options

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List and show recipes, which are named configs.",
)


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


@app.command(
    epilog="Examples:\n\nsightline recipes show tutorial > my-recipe.toml\n\n"
    "sightline recipes show fast --all --set training.epochs=3\n\n"
    "sightline recipes show auto --all --dataset ./my-images"
)
def show(
    name: Annotated[
        str,
        typer.Argument(
            parser=options.local,
            metavar="NAME|FILE",
            autocompletion=completion.recipes,
            help="Name of the recipe, a TOML file, or auto.",
        ),
    ],
    every_key: Annotated[
        bool, typer.Option("--all", help="Show every key with its value and where that is set.")
    ] = False,
    dataset: options.RecipeDataset = None,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Print a recipe as TOML; with --all, every key of the config with its value and origin.

    --dataset, --config and --set change the config as in `train`, and imply --all.
    """
    if every_key or dataset or config or overrides or name == AUTO:
        _show_all(name, dataset, config, overrides or [], as_json=as_json)
    elif as_json:
        typer.echo(loading.load(name).model_dump_json())
    else:
        typer.echo(loading.text(name), nl=False)


def _show_all(
    name: str, dataset: str | None, file: Path | None, overrides: list[str], *, as_json: bool
) -> None:
    config, found = recommend.load_chosen(name, file, overrides, dataset)
    read = loading.read_layers(found.recipe, file, overrides, dataset, found.overrides)
    set_by = layers.origins(read)
    rows = [
        {"key": key, "value": json.loads(value), "origin": set_by.get(key, "default")}
        for key, value in flatten(config.model_dump(mode="json"))
        if "." in key
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    if config.choice:
        console.note(config.choice)
    cells = [
        (key, console.plain("unset" if value is None else toml.write_value(value)), origin)
        for key, value, origin in (row.values() for row in rows)
    ]
    console.out().print(console.table(("Key", "Value", "Origin"), cells))
