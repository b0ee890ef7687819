"""`sightline runs compare`: two runs side by side, in the terminal and as a page."""

import webbrowser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sightline.flows.cli import console
from sightline.flows.cli.options import ArtifactsOption
from sightline.records.difference import RunDifference, Setting
from sightline.runs import compare as run_difference
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Examples:\n\nsightline runs compare 20261124T0102 latest\n\n"
    "sightline runs compare 20261124T0102 latest --output compare.html --open"
)

_MOST_SETTINGS = 12
"""So many settings are shown in the terminal; the page has all."""
_SHOWN_DIGITS = 12

A = Annotated[
    str, typer.Argument(help='The run before: its id, the first characters, or "latest".')
]
B = Annotated[str, typer.Argument(help="The run that is held against it.")]


def compare(
    a: A,
    b: B,
    output: Annotated[
        Path | None,
        typer.Option(help="Page to write; compare.html under the artifacts.", dir_okay=False),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON object; a page is only written with --output or --open."
        ),
    ] = False,
    artifacts: ArtifactsOption = Path("artifacts"),
) -> None:
    """Compare two runs: config, metrics, which images changed, and whether that is chance."""
    console.show_log(verbose=False)
    root = artifacts.resolve()
    pair = run_difference.read(Workspace(root), a, b)
    found = run_difference.compare(Workspace(root), pair)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show(found)
    if as_json and output is None and not open_page:
        return
    from sightline.reporting import run_diff

    page = (output or root / "compare.html").absolute()
    run_diff.write(page, Workspace(root), pair, found)
    shown = console.err if as_json else console.out()
    shown.print(f"Page: {page}", soft_wrap=True, markup=False)
    if open_page and not webbrowser.open(page.as_uri()):
        console.err.print("No browser could be started; open the file above yourself.")


def _show(found: RunDifference) -> None:
    from sightline.reporting import run_diff_rows

    out = console.out()
    for name, run in (("A", found.a), ("B", found.b)):
        out.print(f"{name}: {run.run_id}", soft_wrap=True, markup=False)
    measured = Table("Measure", "A", "B", "Change")
    for row in (*run_diff_rows.measures(found.measures), *run_diff_rows.sizes(found)):
        values = (_with_interval(row.a, row.a_between), _with_interval(row.b, row.b_between))
        measured.add_row(row.name, *values, row.change)
    out.print(measured)
    out.print(_origins(found))
    for title, settings in (("Config", found.config), ("Environment", found.environment)):
        if settings:
            out.print(_settings(title, settings))
    times = Table("Stage", "A, s", "B, s")
    for row in run_diff_rows.stages(found):
        times.add_row(console.plain(row.name), row.a, row.b)
    out.print(times)
    for remark in found.remarks:
        out.print(f"[yellow]Not compared:[/yellow] {console.plain(remark)}", soft_wrap=True)
    out.print(found.sentence, soft_wrap=True, markup=False)


def _with_interval(figure: str, between: str) -> str:
    return f"{figure} ({between})" if between else figure


def _origins(found: RunDifference) -> Table:
    table = Table("Made from", "", "A", "B")
    for row in found.ingredients:
        mark = "[green]equal[/green]" if row.equal else "[yellow]differs[/yellow]"
        table.add_row(row.name, mark, *(_digest(value) for value in (row.a, row.b)))
    return table


def _digest(value: str | None) -> str:
    return console.plain(value[:_SHOWN_DIGITS]) if value else "none"


def _settings(title: str, settings: Sequence[Setting]) -> Table:
    table = Table(title, "A", "B")
    table.columns[0].overflow = "fold"  # a key is there to be copied
    for row in settings[:_MOST_SETTINGS]:
        table.add_row(*_values((row.key, row.a, row.b)))
    if len(settings) > _MOST_SETTINGS:
        table.caption = f"{len(settings) - _MOST_SETTINGS} more; the page has all"
    return table


def _values(values: Iterable[str | None]) -> list[str]:
    return [console.plain(value) if value is not None else "not there" for value in values]
