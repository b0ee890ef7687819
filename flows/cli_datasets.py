"""`sightline datasets`: what there is to learn from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows import console
from flows.options import ArtifactsOption, DataDirOption, MirrorOption
from sightline import datasets, ingestion
from sightline.config import DataConfig
from sightline.records import Run

app = typer.Typer(no_args_is_help=True, help="List, fetch and inspect data sets.")


@app.command("list")
def list_datasets() -> None:
    """List the named data sets; any path to your own images works as well."""
    table = Table("Name", "What it is", "Classes")
    for entry in datasets.catalogue():
        table.add_row(entry.name, entry.description, ", ".join(entry.class_names))
    console.out().print(table)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Name of a data set.")],
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Make sure that a named data set is here and verified."""
    run = Run(id="fetch", root=artifacts.resolve(), data_dir=data_dir, mirror=mirror)
    with console.ProgressDisplay():
        paths = datasets.fetch(run, name)
    for path in paths:
        typer.echo(path)


@app.command()
def inspect(
    dataset: Annotated[str, typer.Argument(help="Name of a data set or a path to your own.")],
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Show shape, classes, counts, pixel range and digest, and draw some samples."""
    run = Run(id="inspect", root=artifacts.resolve(), data_dir=data_dir, mirror=mirror)
    settings = DataConfig(dataset=dataset)
    with console.ProgressDisplay():
        source = datasets.locate(run, settings)
        files = ingestion.ingest(run, source, settings)
