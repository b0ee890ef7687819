"""`sightline config`: a file with all keys, and what they mean."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from sightline.config import keys, layers, loading, reference, template
from sightline.data import recommend
from sightline.errors import InputError
from sightline.flows.cli import console, options

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Write a config file to edit, its JSON Schema, or the reference.",
)

SCHEMA = "sightline.schema.json"
"""Name of the schema that `init` mentions if it is in the same folder."""


@app.command(
    epilog="Examples:\n\nsightline config init\n\n"
    "sightline config init night.toml --recipe fast\n\n"
    "sightline config init --dataset ./my-images && sightline train --recipe my-recipe.toml"
)
def init(
    file: Annotated[
        Path, typer.Argument(parser=options.local_path, metavar="FILE", help="File to write.")
    ] = Path("my-recipe.toml"),
    recipe: options.Recipe = recommend.AUTO,
    dataset: options.RecipeDataset = None,
) -> None:
    """Write a recipe with all keys to a file, to edit and pass with --recipe.

    The keys that the recipe sets are active; all others are commented out, with their defaults.
    """
    config, found = recommend.load_chosen(recipe, None, (), dataset)
    values = layers.merge(
        loading.read_layers(found.recipe, dataset=dataset, recommended=found.overrides)
    )
    path = shlex.quote(str(file if file.suffix == loading.SUFFIX else f"./{file}"))
    text = template.render(values, path)
    if (file.parent / SCHEMA).is_file():
        text = f"#:schema ./{SCHEMA}\n\n{text}"
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise InputError(f"{file} exists; name another file, or remove it first.") from None
    except OSError as error:
        raise InputError(f"Cannot write {file}: {error.strerror}.") from None
    if config.choice:
        console.note(config.choice)
    console.say(f"Wrote {file}; train with `sightline train --recipe {path}`.")


@app.command(epilog=f"Example: sightline config schema > {SCHEMA}")
def schema() -> None:
    """Print the JSON Schema of recipes and config files, with which editors complete keys."""
    typer.echo(json.dumps(keys.schema(), indent=2, ensure_ascii=False))


@app.command("reference", epilog=f"Example: {reference.COMMAND}")
def show_reference() -> None:
    """Print all keys as Markdown: types, limits, defaults, descriptions and examples."""
    typer.echo(reference.render(), nl=False)
