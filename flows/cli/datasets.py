"""`sightline datasets`: what there is to learn from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sightline.config import loading
from sightline.data import catalog, fetching, ingest, locate, samples
from sightline.data.validation import drift, gate
from sightline.flows.cli import console
from sightline.flows.cli.options import (
    ArtifactsOption,
    DataDirOption,
    MirrorOption,
    OverridesOption,
)
from sightline.flows.server import api
from sightline.records import DataGateResult, DatasetFiles, Run
from sightline.reporting.figures.grid import draw_samples
from sightline.runs import run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="List, fetch and inspect data sets.")

_MANY_CLASSES = 20
"""Beyond this many, classes are counted instead of listed."""

_COLOURS = {"passed": "green", "warned": "yellow", "failed": "bold red", "off": "dim"}


@app.command("list")
def list_datasets() -> None:
    """List the named data sets; the path of your own images works everywhere a name does."""
    table = Table("Name", "MiB", "Licence", "What it is", "Classes")
    table.columns[1].justify = "right"
    for entry in catalog.NAMED.values():
        table.add_row(
            entry.name,
            f"{entry.megabytes:.0f}",
            entry.licence,
            entry.description,
            ", ".join(entry.class_names),
        )
    console.out().print(table)


@app.command(epilog="Example: sightline datasets fetch fashion-mnist")
def fetch(
    name: Annotated[str, typer.Argument(help="Name of a data set.")],
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Make sure that a named data set is here and verified; print its files."""
    run = Run(
        id="fetch", workspace=Workspace(artifacts.resolve()), data_dir=data_dir, mirror=mirror
    )
    with console.ProgressDisplay():
        paths = fetching.fetch(run, name)
    for path in paths:
        typer.echo(path)


@app.command(
    epilog="Examples:\n\nsightline datasets inspect ./my-images\n\n"
    "sightline datasets inspect ./table.csv --set data.label_column=kind\n\n"
    "sightline datasets inspect mnist --set data_gate.leaks.action=fail"
)
def inspect(
    dataset: Annotated[str, typer.Argument(help="Name of a data set or a path to your own.")],
    overrides: OverridesOption = None,
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Show shape, classes, counts, pixels and what the data gate says, and draw some samples."""
    run = Run(
        id="inspect", workspace=Workspace(artifacts.resolve()), data_dir=data_dir, mirror=mirror
    )
    run.workspace.check_writable()
    settings = loading.load(overrides=overrides or [], dataset=dataset)
    with run.workspace.in_use():
        with console.ProgressDisplay():
            ingested = ingest.ingest(run, locate.locate(settings.data), settings.data)
        _show(ingested)
        last_run = run_folder.last(run.workspace, ingested.dataset)
        checked = gate.run_checks(run.workspace, ingested, settings.data_gate, last_run)
        _show_checks(run, ingested, checked)
        picture = run.workspace.root / "datasets" / f"{ingested.dataset}-samples.png"
        images, names = samples.choose(run.workspace, ingested)
        with files.storage_errors(run.workspace.root), files.new_file(picture) as temporary:
            draw_samples(temporary, images, names, f"Samples of {ingested.dataset}")
    console.out().print(f"Samples: {picture}", soft_wrap=True, markup=False)


@app.command(
    epilog="Examples:\n\nsightline datasets watch ./my-images\n\n"
    "*/15 * * * * SIGHTLINE_ARTIFACTS=/srv/artifacts sightline datasets watch /srv/my-images"
)
def watch(
    dataset: Annotated[str, typer.Argument(help="Path of your own data, or a name.")],
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Look once whether a data set changed; if so, tell Prefect, which starts train-on-data."""
    root = artifacts.resolve()
    Workspace(root).check_writable()
    api.configure(verbose=False)
    api.require()
    from sightline.flows import watch as watching

    with api.refusals():
        found = watching.look_and_tell(Workspace(root), dataset)
    typer.echo(watching.sentence(found))


def _show(found: DatasetFiles) -> None:
    height, width, channels = found.image_shape
    kind = "grey" if channels == 1 else "RGB"
    console.out().print(
        f"{found.dataset}: {len(found.class_names)} classes, {height}x{width} pixels, {kind}\n"
        f"from {console.plain(found.source)}\nsha256 {found.labels.sha256}",
        soft_wrap=True,
    )
    splits = Table("Split", "Images", "Pixel min", "max", "mean", "std")
    profiles = found.inspection.profiles if found.inspection else {}
    for name, split in profiles.items():
        levels = (split.pixel_min, split.pixel_max, split.pixel_mean, split.pixel_std)
        splits.add_row(name, f"{split.images:,}", *(f"{level:.4g}" for level in levels))
    console.out().print(splits)
    classes = Table("Class", *found.counts, title="Images a class", title_justify="left")
    for number, class_name in enumerate(found.class_names[:_MANY_CLASSES]):
        counts = (counts[number] for counts in found.counts.values())
        classes.add_row(console.plain(class_name), *(f"{count:,}" for count in counts))
    console.out().print(classes)
    if len(found.class_names) > _MANY_CLASSES:
        console.out().print(f"and {len(found.class_names) - _MANY_CLASSES} classes more")
    for note in found.notes:
        console.out().print(f"Note: {console.plain(note)}")


def _show_checks(run: Run, found: DatasetFiles, result: DataGateResult) -> None:
    checks = Table("Check", "", "Found", title="Data gate", title_justify="left")
    for check in result.checks:
        mark = f"[{_COLOURS[check.outcome]}]{check.outcome}[/]"
        checks.add_row(check.name, mark, console.plain(check.sentence))
    console.out().print(checks)
    for move in result.moved:
        before, now = drift.in_words(move)
        console.out().print(
            f"Moved since run {result.compared_with}: {move.split}, {console.plain(move.figure)}: "
            f"{before}, now {now}",
            soft_wrap=True,
        )
    if found.inspection:
        table = run.workspace.root / found.inspection.findings.path
        console.out().print(f"Findings: {table}", soft_wrap=True, markup=False)
