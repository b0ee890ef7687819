"""`sightline reproduce`: makes a run again from its manifest and says whether it is the same."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table

from sightline.flows.cli import console, starting
from sightline.flows.cli.options import ArtifactsOption, DataDirOption, MirrorOption
from sightline.flows.cli.signals import exit_code
from sightline.runs import compare, conditions, run_folder
from sightline.runs import reproduce as reproduction
from sightline.runs.conditions import Condition
from sightline.runs.reproduce import Verdict
from sightline.runs.seeds import SeedRun
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Exit codes: 0 reproduced bit for bit; 3 reproduced within the noise, in another environment; "
    "4 not reproduced; 2 it cannot be tried, such as when the data changed; 1 the training "
    "failed.\n\nExample: sightline reproduce latest"
)

_LONGEST_VALUE = 60


def reproduce(
    run: Annotated[str, typer.Argument(help='Run id, the first characters of one, or "latest".')],
    artifacts: ArtifactsOption = Path("artifacts"),
    data_dir: DataDirOption = None,
    mirror: MirrorOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what Prefect and TensorFlow write.")
    ] = False,
) -> None:
    """Train a run again from its manifest, all stages anew, and compare the weights.

    The cache holds the new results afterwards, in place of those of the same config and data. The
    new run is listed, but is never the latest, nor the last one that others are compared with.

    Exit code 0: equal weights; 3: others, but within the noise; 4: not reproduced.
    """
    console.show_log(verbose=verbose)
    root = artifacts.resolve()
    original = compare.read_one(Workspace(root), run)
    Workspace(root).check_writable()
    source = reproduction.find_source(original)
    again = SeedRun(*reproduction.plan(Workspace(root), original, source, data_dir, mirror))
    out = console.err if as_json else console.out()
    out.print(f"Run {original.run_id} again, as {again.run.id}", soft_wrap=True, markup=False)
    device = starting.look_at_device(again.config.training, verbose=verbose)
    _show_conditions(conditions.with_now(original, source, device), out)
    try:
        starting.start([again], [again], again.run, source, verbose=verbose)
    except KeyboardInterrupt as interrupt:
        console.err.print("Interrupted; the same command begins anew.")
        raise typer.Exit(exit_code(interrupt)) from None
    verdict = reproduction.judge(
        Workspace(root), original, run_folder.read(Workspace(root), again.run.id)
    )
    if as_json:
        typer.echo(verdict.model_dump_json())
    _show(verdict, out)
    raise typer.Exit(verdict.exit_code)


def _show_conditions(found: Sequence[Condition], out: Console) -> None:
    others = [one for one in found if not one.equal]
    if others:
        table = Table("Condition", "Then", "Now")
        table.columns[0].overflow = "fold"
        for one in others:
            table.add_row(console.plain(one.name), _short(one.recorded), _short(one.now))
        out.print(table)
    out.print(f"{len(found) - len(others)} of {len(found)} conditions are equal.")


def _short(value: JsonValue) -> str:
    """Show a value, cut where it is long."""
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return console.plain(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…")


def _show(verdict: Verdict, out: Console) -> None:
    from sightline.reporting import run_diff_rows

    table = Table("Measure", "Then", "Now", "Change")
    for row in run_diff_rows.measures(verdict.measures):
        table.add_row(row.name, row.a, row.b, row.change)
    table.add_row("weights", verdict.weights_sha256[:12], verdict.again_sha256[:12], "")
    out.print(table)
    if verdict.p_value is not None:
        out.print(
            f"{verdict.fixed:,} test images newly right, {verdict.broken:,} newly wrong "
            f"(McNemar's exact test, p = {verdict.p_value:.2g})."
        )
    out.print(verdict.sentence, soft_wrap=True, markup=False)
