"""`sightline runs history`: the test accuracy from run to run, as a table and a figure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.table import Table

from sightline.data import locate
from sightline.experiments import history as run_history
from sightline.experiments import query, run_folder
from sightline.experiments.history import Entry
from sightline.experiments.query import RunFilter
from sightline.flows.cli import console, options
from sightline.flows.cli.runs_list import RecipeOption, SinceOption
from sightline.reporting.figures.accuracy_history import draw_accuracy_history

EXAMPLES = (
    "Examples:\n\nsightline runs history --dataset mnist --output history.png\n\n"
    "sightline runs history --dataset mnist --dataset fashion-mnist --since 4w"
)

_CAPTION = (
    "Change: since the last run of the same recipe, in percentage points. Noise: whether two runs "
    "that differ only in their seed could differ as much (95 of 100 cases)."
)
_NOISE = {True: "within", False: "beyond", None: "unknown"}


_DatasetOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Data set to show; repeatable, one panel each. Default: that of the newest run."
    ),
]
_OutputOption = Annotated[
    Path | None,
    typer.Option(
        parser=options.local_path,
        metavar="FILE",
        help="PNG file to write. Default: history.png in the artifacts directory.",
        dir_okay=False,
    ),
]


def history(
    dataset: _DatasetOption = None,
    recipe: RecipeOption = None,
    since: SinceOption = None,
    last: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of newest runs per data set.")
    ] = run_history.LAST,
    output: _OutputOption = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Plot the test accuracy of past runs, with the noise between seeds.

    With --json, the figure is drawn only if --output names it.
    """
    console.show_log(verbose=False)
    names = list(dict.fromkeys(locate.slug(name) for name in dataset or []))
    selected = RunFilter(
        datasets=frozenset(names) or None,
        recipe=recipe,
        since=query.parse_since(since, datetime.now(UTC)) if since else None,
    )
    found = query.read(workspace, selected, console.show_skipped)
    histories = {
        name: run_history.entries(workspace, runs)
        for name, runs in run_history.collect(found, names, last).items()
    }
    if as_json:
        content = {name: [*map(_content, entries)] for name, entries in histories.items()}
        typer.echo(json.dumps(content, ensure_ascii=False))
        if output and histories:
            draw_accuracy_history(output.absolute(), histories)
        return
    if not histories:
        console.show_no_runs(workspace)
        return
    for name, entries in histories.items():
        console.out().print(_table(name, entries))
    if not any(entry.band for entries in histories.values() for entry in entries):
        console.say("Seed noise was not measured; `sightline train --seeds 5` measures it.")
    figure = (output or workspace.path("history.png")).absolute()
    draw_accuracy_history(figure, histories)
    console.say(f"Figure: {figure}")


def _content(entry: Entry) -> dict[str, JsonValue]:
    measured = entry.run.records.evaluate
    return {
        "run_id": entry.run.run_id,
        "created": entry.run.created.isoformat(),
        "recipe": entry.run.config.recipe,
        "accuracy": measured.accuracy,
        "balanced_accuracy": measured.balanced_accuracy,
        "accuracy_interval": [*measured.accuracy_interval],
        "change": entry.change,
        "is_noise": entry.is_noise,
    }


def _table(dataset: str, entries: Sequence[Entry]) -> Table:
    rows = [
        (
            f"{entry.run.created.astimezone(UTC):%Y-%m-%d %H:%M}",
            console.plain(run_folder.short_id(entry.run.run_id)),
            console.plain(entry.run.config.recipe),
            f"{entry.run.records.evaluate.accuracy:.2%}",
            console.percent(entry.run.records.evaluate.balanced_accuracy),
            "{:.2%} to {:.2%}".format(*entry.run.records.evaluate.accuracy_interval),
            "" if entry.change is None else f"{100 * entry.change:+.2f}",
            "" if entry.change is None else _NOISE[entry.is_noise],
        )
        for entry in entries
    ]
    accuracy = ("Accuracy", "Balanced", "95 % interval", "Change", "Noise")
    columns = ("Published (UTC)", "Run", "Recipe", *accuracy)
    title = console.plain(dataset)
    return console.table(columns, rows, wide=[4, 5, 7], title=title, caption=_CAPTION)
