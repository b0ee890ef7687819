"""`sightline models prune`: removes the files of old versions."""

import json
from collections import Counter
from typing import Annotated

import typer
from rich.filesize import decimal

from sightline.flows.cli import console, options
from sightline.registry import prune as pruning
from sightline.registry.prune import VersionPlan

EXAMPLES = (
    "Examples:\n\nsightline models prune --dry-run\n\n"
    "sightline models prune --keep 2 --dataset mnist --json"
)


def prune(
    keep: Annotated[
        int,
        typer.Option(min=0, help="Number of newest versions to keep, besides those in use."),
    ] = pruning.KEEP,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed.")
    ] = False,
    dataset: options.Dataset = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Remove the files of old versions, without asking. The audit log keeps what they were.

    The champion, the previous champion, the candidate and versions whose run you pinned are kept,
    so a rollback always works. Each removal is an event of `sightline models history`.
    """
    console.show_log(verbose=False)
    act = pruning.plan if dry_run else pruning.prune
    plan = act(workspace, keep, options.dataset_slug(dataset))
    for one in plan.skipped:
        console.note(f"Skipped: {one.dataset}: {one.reason}")
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **plan.model_dump(mode="json")}))
    else:
        _show(plan, dry_run=dry_run)


def _show(plan: VersionPlan, *, dry_run: bool) -> None:
    if plan.versions:
        rows = [
            (one.version, one.last, f"{one.registered:%Y-%m-%d %H:%M}", decimal(one.bytes))
            for one in plan.versions
        ]
        columns = ("Version", "Last", "Registered (UTC)", "Size")
        console.out().print(console.table(columns, rows, right=[3]))
        freed = f"{decimal(plan.bytes)} (versions: {len(plan.versions):,})"
        did = f"Would free {freed}. Nothing was removed." if dry_run else f"Freed {freed}."
        console.say(did)
    else:
        console.say("Nothing to remove.")
    if plan.kept:
        reasons = Counter(one.reason for one in plan.kept)
        kept = ", ".join(f"{count} ({reason})" for reason, count in reasons.items())
        console.say(f"Kept versions: {kept}.")
