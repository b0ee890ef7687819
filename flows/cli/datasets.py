"""`sightline datasets`: data sets to train on."""

import json
from typing import Annotated

import typer

from sightline.data import catalog, download
from sightline.flows.cli import completion, console, datasets_inspect, options
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.server import api
from sightline.records import Run

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, fetch, inspect and watch data sets."
)


@app.command("list")
def list_datasets(as_json: options.Json = False) -> None:
    """List the named data sets. Wherever a name works, a path to your own images does too."""
    if as_json:
        names = ("name", "megabytes", "licence", "description", "class_names")
        content = [{name: getattr(one, name) for name in names} for one in catalog.NAMED.values()]
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    rows = [
        (one.name, f"{one.megabytes:.0f}", one.licence, one.description, ", ".join(one.class_names))
        for one in catalog.NAMED.values()
    ]
    columns = ("Name", "MiB", "Licence", "Description", "Classes")
    console.out().print(console.table(columns, rows, right=[1], wide=[2, 4]))


@app.command(epilog="Example: sightline datasets fetch fashion-mnist")
def fetch(
    name: Annotated[
        str, typer.Argument(autocompletion=completion.datasets, help="Name of a data set.")
    ],
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Download a named data set, verify it and print the paths of its files."""
    run = Run(id="fetch", workspace=workspace, data_dir=data_dir, mirror=mirror)
    with progress_display():
        paths = download.fetch(run, name)
    for path in paths:
        typer.echo(path)


app.command(epilog=datasets_inspect.EXAMPLES)(datasets_inspect.inspect)


@app.command(
    epilog="Examples:\n\nsightline datasets watch ./my-images\n\n"
    "*/15 * * * * SIGHTLINE_ARTIFACTS=/srv/artifacts sightline datasets watch /srv/my-images"
)
def watch(
    dataset: options.DatasetArgument, workspace: options.Workspace = options.WORKSPACE
) -> None:
    """Check once whether a data set changed. If so, send the event that starts train-on-data."""
    api.configure(verbose=False)
    api.require()
    from sightline.flows import watch as watching

    with api.refusals():
        found = watching.check_and_notify(workspace, dataset)
    typer.echo(watching.sentence(found))
