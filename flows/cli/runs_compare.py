"""`sightline runs compare`: two runs side by side, in the terminal and as a page."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.table import Table

from sightline.experiments import compare as comparison
from sightline.flows.cli import completion, console, options
from sightline.records.difference import Flips, RunDifference, Setting

EXAMPLES = (
    "Examples:\n\nsightline runs compare 20261124T0102 latest\n\n"
    "sightline runs compare 20261124T0102 latest --output compare.html --open"
)

_MOST_SETTINGS, _MOST_FLIPS = 12, 5
"""Numbers of settings and of images shown in the terminal; the page shows more."""


_OutputOption = Annotated[
    Path | None,
    typer.Option(
        parser=options.local_path,
        metavar="FILE",
        help="HTML page to write. Default: compare.html in the artifacts directory.",
        dir_okay=False,
    ),
]


def compare(
    a: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.runs,
            help='Earlier run: its ID, a prefix of the ID, a short ID, or "latest".',
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(autocompletion=completion.runs, help="Later run to compare with A."),
    ],
    output: _OutputOption = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print JSON; the page is only written with --output or --open."
        ),
    ] = False,
    workspace: options.Workspace = options.WORKSPACE,
) -> None:
    """Compare the configs, metrics and predictions of two runs, with a significance test."""
    console.show_log(verbose=False)
    pair = comparison.read_pair(workspace, a, b)
    found = comparison.compare(workspace, pair)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show(found)
    if as_json and output is None and not open_page:
        return
    from sightline.reporting import run_diff

    page = (output or workspace.path("compare.html")).absolute()
    run_diff.write(page, workspace, pair, found)
    (console.note if as_json else console.say)(f"Page: {page}")
    if open_page:
        console.open_in_browser(page)


def _show(found: RunDifference) -> None:
    from sightline.reporting import run_diff_rows

    out = console.out()
    console.say(f"A: {found.a.run_id}\nB: {found.b.run_id}")
    metrics = (run_diff_rows.measures(found.measures), run_diff_rows.sizes(found))
    measured = ([str(cell) for cell in row] for one in metrics for row in one.rows)
    out.print(console.table(("Metric", "A", "B", "Change"), measured))
    marks = {True: "[green]equal[/green]", False: "[yellow]differs[/yellow]"}
    inputs = (
        (row.name, marks[row.equal], _digest(row.a), _digest(row.b)) for row in found.provenance
    )
    out.print(console.table(("Input", "Result", "A", "B"), inputs))
    for title, settings in (("Config", found.config), ("Environment", found.environment)):
        if settings:
            out.print(_settings(title, settings))
    times = ([console.plain(str(text)) for text in row] for row in run_diff_rows.stages(found).rows)
    out.print(console.table(("Stage", "A (s)", "B (s)"), times))
    for examples in _flips(found.flips) if found.flips else ():
        out.print(examples)
    for remark in found.remarks:
        out.print(f"[yellow]Not compared:[/yellow] {console.plain(remark)}", soft_wrap=True)
    console.say(found.sentence)


def _flips(found: Flips) -> Iterator[Table]:
    for title, shown in (
        ("Newly wrong in B", found.broken_examples),
        ("Newly right in B", found.fixed_examples),
    ):
        texts = ((one.source or str(one.index), one.label, one.a, one.b) for one in shown)
        rows = [[*map(console.plain, row)] for row in islice(texts, _MOST_FLIPS)]
        if rows:
            columns = (title, "True class", "A predicts", "B predicts")
            yield console.table(columns, rows)


def _digest(value: JsonValue) -> str:
    return console.plain(str(value)[:12]) if value else "none"


def _settings(title: str, settings: Sequence[Setting]) -> Table:
    rows = (
        [console.plain("not set" if value is None else value) for value in (row.key, row.a, row.b)]
        for row in settings[:_MOST_SETTINGS]
    )
    table = console.table((title, "A", "B"), rows)
    if len(settings) > _MOST_SETTINGS:
        table.caption = f"{len(settings) - _MOST_SETTINGS} more; the page shows all"
    return table
