"""`sightline datasets`: data sets to train on."""

from itertools import islice
from typing import Annotated

import typer
from rich.table import Table

from sightline.config import loading
from sightline.data import catalog, download, ingest, locate
from sightline.data.samples import choose_samples
from sightline.data.validation import gate
from sightline.data.validation.drift import format_change
from sightline.flows.cli import console, options
from sightline.flows.cli.progress_display import progress_display
from sightline.flows.server import api
from sightline.records import DataGateResult, DatasetFiles, Run
from sightline.reporting.figures.grid import draw_samples
from sightline.runs import run_folder
from sightline.storage import files
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="List, fetch, inspect and watch data sets.")

_MANY_CLASSES = 20  # Number of classes beyond which the rest is counted instead of listed
_COLOURS = {"passed": "green", "warned": "yellow", "failed": "bold red", "off": "dim"}

DatasetArgument = Annotated[
    str, typer.Argument(help="Name of a data set, or path of your own images.")
]


@app.command("list")
def list_datasets() -> None:
    """List the named data sets. Wherever a name works, a path to your own images does too."""
    rows = [
        (one.name, f"{one.megabytes:.0f}", one.licence, one.description, ", ".join(one.class_names))
        for one in catalog.NAMED.values()
    ]
    columns = ("Name", "MiB", "Licence", "Description", "Classes")
    console.out().print(console.table(columns, rows, right=[1]))


@app.command(epilog="Example: sightline datasets fetch fashion-mnist")
def fetch(
    name: Annotated[str, typer.Argument(help="Name of a data set.")],
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


@app.command(
    epilog="Examples:\n\nsightline datasets inspect ./my-images\n\n"
    "sightline datasets inspect ./table.csv --set data.label_column=kind\n\n"
    "sightline datasets inspect mnist --set data_gate.leaks.action=fail"
)
def inspect(
    dataset: DatasetArgument,
    overrides: options.Overrides = None,
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Show shape, classes, counts, pixel statistics and data quality, and draw samples."""
    run = Run(id="inspect", workspace=workspace, data_dir=data_dir, mirror=mirror)
    workspace.check_writable()
    settings = loading.load(overrides=overrides or [], dataset=dataset)
    if hidden := locate.describe_hidden(dataset, data_dir):
        console.note(hidden)
    with workspace.in_use():
        with progress_display():
            ingested = ingest.ingest(run, locate.locate(settings.data), settings.data)
        _show(ingested)
        last_run = run_folder.last(workspace, ingested.dataset)
        result = gate.run_checks(workspace, ingested, settings.data_gate, last_run)
        _show_gate(workspace, ingested, result)
        image = workspace.path(f"datasets/{ingested.dataset}-samples.png")
        images, names = choose_samples(workspace, ingested)
        with files.storage_errors(workspace.root), files.new_file(image) as temporary:
            draw_samples(temporary, images, names, f"Samples of {ingested.dataset}")
    console.say(f"Samples: {image}")


@app.command(
    epilog="Examples:\n\nsightline datasets watch ./my-images\n\n"
    "*/15 * * * * SIGHTLINE_ARTIFACTS=/srv/artifacts sightline datasets watch /srv/my-images"
)
def watch(dataset: DatasetArgument, workspace: options.Workspace = options.WORKSPACE) -> None:
    """Check once whether a data set changed. If so, send the event that starts train-on-data."""
    api.configure(verbose=False)
    api.require()
    from sightline.flows import watch as watching

    with api.refusals():
        found = watching.check_and_notify(workspace, dataset)
    typer.echo(watching.sentence(found))


def _show(found: DatasetFiles) -> None:
    height, width, channels = found.image_shape
    kind = "grayscale" if channels == 1 else "RGB"
    console.say(
        f"{found.dataset}: {len(found.class_names)} classes, {height}x{width} pixels, {kind}\n"
        f"Source: {printable(found.source)}\nLabels SHA-256: {found.labels.sha256}"
    )
    splits = Table("Split", "Images", "Pixel min", "max", "mean", "std")
    profiles = found.inspection.profiles if found.inspection else {}
    for name, split in profiles.items():
        levels = (split.pixel_min, split.pixel_max, split.pixel_mean, split.pixel_std)
        splits.add_row(name, f"{split.images:,}", *(f"{level:.4g}" for level in levels))
    classes = Table("Class", *found.counts, title="Images per class", title_justify="left")
    per_class = zip(found.class_names, *found.counts.values(), strict=True)
    for class_name, *counts in islice(per_class, _MANY_CLASSES):
        classes.add_row(console.plain(class_name), *(f"{count:,}" for count in counts))
    console.out().print(splits, classes, sep="\n")
    if len(found.class_names) > _MANY_CLASSES:
        console.say(f"and {len(found.class_names) - _MANY_CLASSES} more classes")
    for note in found.notes:
        console.say(f"Note: {printable(note)}")


def _show_gate(workspace: Workspace, found: DatasetFiles, result: DataGateResult) -> None:
    rows = [
        (one.name, f"[{_COLOURS[one.outcome]}]{one.outcome}[/]", console.plain(one.sentence))
        for one in result.checks
    ]
    columns = ("Check", "Result", "Details")
    console.out().print(console.table(columns, rows, title="Data gate", title_justify="left"))
    for move in result.changes:
        before, now = format_change(move)
        console.say(
            f"Changed since run {result.compared_with}: {move.split}, {printable(move.figure)}: "
            f"{before}, now {now}"
        )
    if found.inspection:
        console.say(f"Findings: {workspace.path(found.inspection.findings.path)}")
