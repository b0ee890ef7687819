"""`sightline reproduce`: repeats a run from its manifest and compares the weights."""

import json
from collections.abc import Sequence

import typer
from pydantic import JsonValue
from rich.console import Console

from sightline.experiments import provenance_diff, run_folder
from sightline.experiments import reproduce as reproduction
from sightline.experiments.reproduce import Reproduction
from sightline.experiments.seeds import SeedRun
from sightline.flows.cli import console, options
from sightline.flows.cli.signals import interruptible
from sightline.flows.cli.start import start
from sightline.flows.preflight import Preflight
from sightline.pipeline.process import keras_process
from sightline.records.difference import ProvenanceRow
from sightline.training import device

app = typer.Typer(add_completion=False)

EXAMPLES = (
    "Exit codes: 0 reproduced bit for bit; 3 reproduced within the noise, in another environment; "
    "4 not reproduced; 2 cannot be tried, for example because the data changed; 1 the training "
    "failed.\n\nExample: sightline reproduce latest"
)

_LONGEST_VALUE = 60


@app.command(epilog=EXAMPLES)
def reproduce(
    run: options.Run,
    workspace: options.Workspace = options.WORKSPACE,
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Repeat a run from its manifest, without the cache, and compare the weights.

    The new results replace those of the same config and data in the cache. The new run is listed,
    but it never counts as "latest", and later runs are not compared with it.
    """
    console.show_log(verbose=verbose)
    original = run_folder.read(workspace, run)
    workspace.check_writable()
    source = reproduction.find_source(original)
    config, again = reproduction.plan(workspace, original, source, data_dir, mirror)
    out = console.err if as_json else console.out()
    out.print(f"Repeating {original.run_id} as {again.id}", soft_wrap=True, markup=False)
    keras_process().verbose = verbose
    process = device.prepare_process(config.training)
    # A deployment trains elsewhere, on a device that this process cannot see.
    local = config.training.deployment is None
    report = process.run(device.inspect, config.training) if local else None
    _show_provenance(provenance_diff.with_now(original, source, report), out)
    with interruptible("the same command starts from the beginning"):
        planned = [SeedRun(config, again)]
        start(Preflight(config, again, planned, planned, source), verbose=verbose)
    found = reproduction.check(workspace, original, run_folder.read(workspace, again.id))
    if as_json:
        typer.echo(found.model_dump_json())
    _show(found, out)
    raise typer.Exit(found.exit_code)


def _show_provenance(found: Sequence[ProvenanceRow], out: Console) -> None:
    others = [one for one in found if not one.equal]
    if others:
        rows = ((console.plain(one.name), _short(one.a), _short(one.b)) for one in others)
        out.print(console.table(("Environment", "Then", "Now"), rows))
    equal = len(found) - len(others)
    out.print(f"{equal} of {len(found)} values of data, code and environment are equal.")


def _short(value: JsonValue) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return console.plain(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…")


def _show(found: Reproduction, out: Console) -> None:
    from sightline.reporting import run_diff_rows

    difference = found.difference
    weights = next(row for row in difference.provenance if row.name == "weights")
    rows = [
        *([str(cell) for cell in row] for row in run_diff_rows.measures(difference.measures).rows),
        ["weights", str(weights.a)[:12], str(weights.b)[:12], ""],
    ]
    out.print(console.table(("Measure", "Then", "Now", "Change"), rows))
    if flips := difference.flips:
        out.print(
            f"{flips.fixed:,} test images fixed, {flips.broken:,} broken "
            f"(McNemar's exact test, p = {flips.p_value:.2g})."
        )
    out.print(found.sentence, soft_wrap=True, markup=False)
