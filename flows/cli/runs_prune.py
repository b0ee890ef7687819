"""`sightline runs prune`: what a clean-up of old runs removed, or would remove."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from sightline.flows.cli import console
from sightline.flows.cli.options import ArtifactsOption
from sightline.registry.retention import registered_models
from sightline.runs.prune import prune as pruning
from sightline.runs.prune.plan import Plan
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Examples:\n\nsightline runs prune --keep 30 --dry-run\n\n"
    "sightline runs prune --keep 30 --artifacts /srv/sightline --json"
)


def prune(
    keep: Annotated[
        int, typer.Option(min=1, help="How many of the newest runs stay; pinned ones not counted.")
    ] = pruning.KEEP,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go; change nothing.")
    ] = False,
    artifacts: ArtifactsOption = Path("artifacts"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Remove old runs and the cache entries that only they needed, without asking.

    Pinned runs stay, the newest run of every data set and recipe, and that of a candidate.

    While a run is at work nothing is removed and the exit code is 2.
    """
    workspace = Workspace(artifacts.resolve())
    act = pruning.plan if dry_run else pruning.prune
    plan = act(workspace, keep, registered_models)
    _warn(workspace, plan, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **plan.model_dump(mode="json")}))
    else:
        _show(plan, dry_run=dry_run)


def _warn(workspace: Workspace, plan: Plan, *, dry_run: bool) -> None:
    lines = [f"Left alone: {one.path}: {one.reason}" for one in plan.skipped]
    if not plan.cache_checked:
        lines.append(
            "No cache entry is removed: nobody knows what a run needs whose manifest cannot be "
            "read. Mend it or move it out of runs/, then prune again."
        )
    if dry_run and workspace.is_in_use():
        lines.append("A run is at work: what it is making seems to be left over here, but stays.")
    for line in lines:
        console.err.print(line, soft_wrap=True, markup=False)


def _show(plan: Plan, *, dry_run: bool) -> None:
    out = console.out()
    if plan.runs:
        out.print(_runs_table(plan))
    if plan.entries or plan.leftovers:
        out.print(_rest_table(plan))
    out.print(_outcome(plan, dry_run=dry_run), soft_wrap=True)
    reasons = Counter(run.reason for run in plan.kept)
    if reasons:
        counted = ", ".join(f"{count} ({reason})" for reason, count in reasons.items())
        out.print(f"Runs that stay: {counted}.", soft_wrap=True)


def _runs_table(plan: Plan) -> Table:
    table = Table("Run", "Published (UTC)", "Size")
    table.columns[0].overflow = "fold"  # the log of a nightly clean-up names runs whole
    table.columns[2].justify = "right"
    for run in plan.runs:
        table.add_row(run.run_id, f"{run.created:%Y-%m-%d %H:%M}", decimal(run.bytes))
    return table


def _rest_table(plan: Plan) -> Table:
    table = Table("What else", "Number", "Size")
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in dict.fromkeys(entry.stage for entry in plan.entries):
        sizes = [entry.bytes for entry in plan.entries if entry.stage == stage]
        table.add_row(f"cache of {stage}", f"{len(sizes):,}", decimal(sum(sizes)))
    if plan.leftovers:
        size = sum(leftover.bytes for leftover in plan.leftovers)
        table.add_row("left by killed processes", f"{len(plan.leftovers):,}", decimal(size))
    return table


def _outcome(plan: Plan, *, dry_run: bool) -> str:
    counts = {
        "runs": len(plan.runs),
        "cache entries": len(plan.entries),
        "leftovers": len(plan.leftovers),
    }
    what = ", ".join(f"{name}: {count:,}" for name, count in counts.items() if count)
    if not what:
        return "Nothing to remove."
    if dry_run:
        return f"Would free {decimal(plan.bytes)} ({what}). Nothing was removed."
    return f"Freed {decimal(plan.bytes)} ({what})."
