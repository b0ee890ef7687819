"""`sightline runs list`: runs, sorted and filtered."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.table import Table

from sightline.data import locate
from sightline.experiments import pins, query, run_folder
from sightline.experiments.query import Order, RunFilter
from sightline.flows.cli import completion, console, options
from sightline.records import RunSummary

EXAMPLES = (
    "Examples:\n\nsightline runs list --sort accuracy --dataset mnist\n\n"
    "sightline runs list --since 7d --min-accuracy 0.98 --json"
)

_PINNED = "*"  # Mark of pinned runs in the list
RecipeOption = Annotated[
    str | None, typer.Option(autocompletion=completion.recipes, help="Only runs of this recipe.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(help="Only runs since a date (2026-11-01, UTC) or within a period (12h, 7d, 4w)."),
]


_SortOption = Annotated[
    Order, typer.Option(help="Sort key: newest, best or fastest first; names alphabetically.")
]


def list_runs(
    workspace: options.Workspace = options.WORKSPACE,
    sort: _SortOption = Order.TIME,
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order.")] = False,
    dataset: Annotated[
        str | None,
        typer.Option(autocompletion=completion.datasets, help="Only runs of this data set."),
    ] = None,
    recipe: RecipeOption = None,
    since: SinceOption = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Only runs with at least this test accuracy, e.g. 0.98."),
    ] = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="Only pinned runs.")] = False,
    limit: Annotated[
        int, typer.Option(min=1, help="Maximum number of runs, after filtering.")
    ] = 20,
    as_json: options.Json = False,
) -> None:
    """List runs, newest first, by their short IDs; all commands take these, too."""
    pinned_ids = pins.pinned_ids(workspace)
    selected = RunFilter(
        datasets=frozenset({locate.slug(dataset)}) if dataset else None,
        recipe=recipe,
        since=query.parse_since(since, datetime.now(UTC)) if since else None,
        min_accuracy=min_accuracy,
        run_ids=pinned_ids if pinned else None,
    )
    by_time = reverse and sort is Order.TIME
    found = query.read(workspace, selected, console.show_skipped, oldest_first=by_time)
    chosen = islice(query.sort(found, sort, reverse=reverse), limit)
    summaries = [run_folder.summary(workspace, run) for run in chosen]
    if as_json:
        typer.echo(TypeAdapter(list[RunSummary]).dump_json(summaries))
    elif summaries:
        console.out().print(_table(summaries, pinned_ids))
    else:
        console.show_no_runs(workspace)


def _table(summaries: Sequence[RunSummary], pinned: frozenset[str]) -> Table:
    rows = [
        (
            console.plain(run_folder.short_id(summary.run_id))
            + (_PINNED if summary.run_id in pinned else ""),
            console.plain(summary.dataset),
            console.plain(summary.recipe),
            f"{summary.test_accuracy:.2%}",
            console.percent(summary.balanced_accuracy),
            f"{summary.test_loss:.4f}",
            f"{summary.total_seconds:.1f}",
        )
        for summary in summaries
    ]
    columns = ("Run", "Data set", "Recipe", "Accuracy", "Balanced", "Loss", "Seconds")
    table = console.table(columns, rows, wide=[4, 6])
    if any(summary.run_id in pinned for summary in summaries):
        table.caption = f"{_PINNED} pinned: never pruned"
    return table
