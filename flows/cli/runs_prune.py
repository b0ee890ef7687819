"""`sightline runs prune`: removes old runs and the cache entries that only they used."""

import json
from collections import Counter
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from sightline.experiments.prune import prune as pruning
from sightline.experiments.prune.plan import Plan
from sightline.flows.cli import console, options
from sightline.registry.retention import registered_models
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Examples:\n\nsightline runs prune --keep 30 --dry-run\n\n"
    "sightline runs prune --keep 30 --artifacts /srv/sightline --json"
)


def prune(
    keep: Annotated[
        int, typer.Option(min=1, help="Number of newest runs to keep, besides pinned ones.")
    ] = pruning.KEEP,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed.")
    ] = False,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Remove old runs and the cache entries that only they used, without asking.

    Pinned runs are kept, and so are the newest run of each data set and recipe and the runs of
    candidates. While a training is running, nothing is removed and the exit code is 2.
    """
    act = pruning.plan if dry_run else pruning.prune
    plan = act(workspace, keep, registered_models)
    _warn(workspace, plan, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **plan.model_dump(mode="json")}))
    else:
        _show(plan, dry_run=dry_run)


def _warn(workspace: Workspace, plan: Plan, *, dry_run: bool) -> None:
    for one in plan.skipped:
        console.note(f"Skipped: {one.path}: {one.reason}")
    if not plan.cache_checked:
        console.note(
            "No cache entry is removed, because the manifests above cannot be read and their runs "
            "may use any entry. Repair these runs or move them out of runs/, then prune again."
        )
    if dry_run and workspace.is_in_use():
        console.note("A run is active. Its unfinished files are listed as leftovers but are kept.")


def _show(plan: Plan, *, dry_run: bool) -> None:
    if plan.runs:
        rows = [
            (run.run_id, f"{run.created:%Y-%m-%d %H:%M}", decimal(run.bytes)) for run in plan.runs
        ]
        columns = ("Run", "Published (UTC)", "Size")
        console.out().print(console.table(columns, rows, right=[2]))
    if plan.entries or plan.leftovers:
        console.out().print(_rest_table(plan))
    console.say(_outcome(plan, dry_run=dry_run))
    reasons = Counter(run.reason for run in plan.kept)
    if reasons:
        kept = ", ".join(f"{count} ({reason})" for reason, count in reasons.items())
        console.say(f"Kept runs: {kept}.")


def _rest_table(plan: Plan) -> Table:
    rows = []
    for stage in dict.fromkeys(entry.stage for entry in plan.entries):
        sizes = [entry.bytes for entry in plan.entries if entry.stage == stage]
        rows.append((f"cache of {stage}", f"{len(sizes):,}", decimal(sum(sizes))))
    if plan.leftovers:
        size = sum(leftover.bytes for leftover in plan.leftovers)
        rows.append(("leftovers of killed processes", f"{len(plan.leftovers):,}", decimal(size)))
    return console.table(("Other files", "Number", "Size"), rows, right=[1, 2])


def _outcome(plan: Plan, *, dry_run: bool) -> str:
    found = {"runs": plan.runs, "cache entries": plan.entries, "leftovers": plan.leftovers}
    what = ", ".join(f"{name}: {len(items):,}" for name, items in found.items() if items)
    if not what:
        return "Nothing to remove."
    if dry_run:
        return f"Would free {decimal(plan.bytes)} ({what}). Nothing was removed."
    return f"Freed {decimal(plan.bytes)} ({what})."
