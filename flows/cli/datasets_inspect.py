"""`sightline datasets inspect`: looks at a data set before a training."""

import json
import shlex
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import typer
from rich.table import Table

from sightline.config import RunConfig
from sightline.config.flatten import flatten
from sightline.data import announcement, fact_lines, ingest, locate, recommend
from sightline.data.estimate import Estimate, estimate
from sightline.data.samples import choose_samples
from sightline.data.validation import gate
from sightline.data.validation.drift import format_change
from sightline.experiments import run_folder
from sightline.flows.cli import console, options
from sightline.flows.cli.progress_display import progress_display
from sightline.records import DataGateResult, DatasetFacts, DatasetFiles, Run
from sightline.reporting.figures.grid import draw_titled_samples
from sightline.storage import files
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

EXAMPLES = (
    "Examples:\n\nsightline datasets inspect ./my-images\n\n"
    "sightline datasets inspect ./table.csv --set data.label_column=kind\n\n"
    "sightline datasets inspect s3://bucket/my-images\n\n"
    "sightline datasets inspect mnist --set data_gate.leaks.action=fail"
)
_MANY_CLASSES = 20  # Number of classes beyond which the rest is counted instead of listed
_SAMPLES, _MOST_SAMPLES, _COLUMNS = 3, 120, 9  # Of each class, in all, side by side
_COLOURS = {
    "passed": "green",
    "warned": "yellow",
    "failed": "bold red",
    "skipped": "dim",
    "off": "dim",
}


def inspect(
    dataset: options.DatasetArgument,
    recipe: options.Recipe = recommend.AUTO,
    config: options.Config = None,
    overrides: options.Overrides = None,
    data_dir: options.DataDir = None,
    mirror: options.Mirror = None,
    workspace: options.Workspace = options.WORKSPACE,
    as_json: options.Json = False,
) -> None:
    """Show how a data set would be read, what a run takes, its quality and samples.

    The images are read and stored as `train` with the same options does, which then reuses them.
    """
    run = Run(id="inspect", workspace=workspace, data_dir=data_dir, mirror=mirror)
    workspace.check_writable()
    settings, found = recommend.load_chosen(recipe, config, overrides or [], dataset)
    if hidden := locate.describe_hidden(dataset, data_dir):
        console.note(hidden)
    expected: list[Estimate] = []

    def show(facts: DatasetFacts, seconds: float) -> None:
        expected.append(estimate(facts, seconds, settings))
        if not as_json:
            _show_facts(facts, expected[0], found.reason)
            console.say(f"To pin or change what was chosen:\n{command(facts)}")

    def command(facts: DatasetFacts) -> str:
        given = overrides or []
        chosen = (*_resolve(found.overrides, given, settings), *facts.chosen, *given)
        return _command(dataset, found.recipe, config, chosen)

    with workspace.in_use():
        with progress_display(), announcement.listening(show):
            ingested = ingest.ingest(run, locate.locate(settings.data), settings.data)
        last_run = run_folder.last(workspace, ingested.dataset)
        result = gate.run_checks(workspace, ingested, settings.data_gate, last_run)
        samples = _draw_samples(workspace, ingested)
    if as_json:
        facts = {name: getattr(ingested, name) for name in DatasetFacts.model_fields}
        content = {
            **DatasetFacts(**facts).model_dump(mode="json"),
            "recipe": found.recipe,
            "reason": found.reason,
            "command": command(ingested),
            "estimate": expected[0]._asdict(),
            "inspection": ingested.inspection and ingested.inspection.model_dump(mode="json"),
            "gate": result.model_dump(mode="json"),
            "samples": str(samples),
        }
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    _show_counts(ingested)
    _show_gate(workspace, ingested, result)
    console.say(f"Samples: {samples}")


def _resolve(
    recommended: Sequence[str], overrides: Sequence[str], settings: RunConfig
) -> list[str]:
    """Return recommended settings with the values that hold, without those that are overridden."""
    values = dict(flatten(settings.model_dump(mode="json")))
    keys, given = (
        [one.partition("=")[0].strip() for one in some] for some in (recommended, overrides)
    )
    return [f"{key}={values[key]}" for key in keys if key in values and key not in given]


def _command(dataset: str, recipe: str, config: Path | None, chosen: Sequence[str]) -> str:
    file = ["--config", str(config)] if config else []
    start = shlex.join(["sightline", "train", "--dataset", dataset, "--recipe", recipe, *file])
    lines = [start, *(f"--set {shlex.quote(one)}" for one in chosen)]
    return " \\\n  ".join(map(printable, lines))


def _show_facts(facts: DatasetFacts, expected: Estimate, reason: str) -> None:
    rows = {"Source": facts.source, **fact_lines.lines(facts, expected)}
    known = [note for note in facts.notes if note not in fact_lines.left_out(facts)]
    rows |= {"Notes": "\n".join(known)} if known else {}
    rows |= {"Recipe": reason} if reason else {}
    made = Table("Fact", "What was found or decided", title=facts.dataset, title_justify="left")
    for title, sentence in rows.items():
        made.add_row(title, "\n".join(map(console.plain, sentence.split("\n"))))
    console.out().print(made)


def _draw_samples(workspace: Workspace, found: DatasetFiles) -> Path:
    image = workspace.path(f"datasets/{found.dataset}-samples.png")
    images, names = choose_samples(workspace, found, _MOST_SAMPLES, _SAMPLES)
    shown = len(set(names))
    others = f" ({shown} of {len(found.class_names):,} classes)"
    title = f"Samples of {found.dataset}{others if shown < len(found.class_names) else ''}"
    with workspace.storage_errors(), files.new_file(image) as temporary:
        draw_titled_samples(temporary, images, names, title, _COLUMNS)
    return image


def _show_counts(found: DatasetFiles) -> None:
    splits = Table("Split", "Images", "Pixel min", "max", "mean", "std")
    profiles = found.inspection.profiles if found.inspection else {}
    for name, split in profiles.items():
        levels = (split.pixel_min, split.pixel_max, split.pixel_mean, split.pixel_std)
        splits.add_row(name, f"{split.images:,}", *(f"{level:.4g}" for level in levels))
    classes = Table("Class", *found.counts, title="Images per class", title_justify="left")
    per_class = zip(found.class_names, *found.counts.values(), strict=True)
    for class_name, *counts in islice(per_class, _MANY_CLASSES):
        classes.add_row(console.plain(class_name), *(f"{count:,}" for count in counts))
    console.out().print(splits, classes, sep="\n")
    if len(found.class_names) > _MANY_CLASSES:
        console.say(f"and {len(found.class_names) - _MANY_CLASSES} more classes")
    console.say(f"Labels SHA-256: {found.labels.sha256}")


def _show_gate(workspace: Workspace, found: DatasetFiles, result: DataGateResult) -> None:
    rows = [
        (one.name, f"[{_COLOURS[one.outcome]}]{one.outcome}[/]", console.plain(one.sentence))
        for one in result.checks
    ]
    columns = ("Check", "Result", "Details")
    console.out().print(console.table(columns, rows, title="Data gate", title_justify="left"))
    for move in result.changes:
        before, now = format_change(move)
        console.say(
            f"Changed since run {result.compared_with}: {move.split}, {printable(move.figure)}: "
            f"{before}, now {now}"
        )
    if found.inspection:
        console.say(f"Findings: {workspace.path(found.inspection.findings.path)}")
