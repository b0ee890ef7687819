"""`sightline train --dry-run`: the stages of a training and an estimate; nothing is trained."""

import json

import typer

from sightline.data import fact_lines
from sightline.data.estimate import Estimate, estimate
from sightline.data.ingest import INGEST, read_facts
from sightline.experiments import run_folder
from sightline.flows.cli import console
from sightline.flows.preflight import Preflight
from sightline.flows.stage_plan import PlannedStage, listed, plan_stages
from sightline.pipeline import cache
from sightline.records import DatasetFacts


def show(checked: Preflight, *, as_json: bool) -> None:
    """Print which stages are cached, what changed for the others, and what they take.

    With several seeds, the stages are those of the first one that is left.
    """
    config, run = (checked.unfinished or checked.planned)[0]
    plan = plan_stages(config, run, checked.source)
    expected = None if plan.cached else _estimate(checked)
    if as_json:
        content = {**plan.model_dump(mode="json"), "estimate": expected and expected._asdict()}
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    if config.choice:
        console.note(config.choice)
    since = f" since run {run_folder.short_id(plan.last_run)}" if plan.last_run else ""
    rows = [
        (stage.name, _state(stage, plan.stages), console.plain(listed(stage.changes)))
        for stage in plan.stages
    ]
    console.out().print(console.table(("Stage", "Cached", f"Changed{since}"), rows))
    if expected is not None:
        console.say(f"Estimate: {fact_lines.describe_estimate(expected)}")
    elif not plan.cached:
        console.say(
            f"Estimate: unknown before {checked.source.dataset} is read; "
            f"`sightline datasets inspect {checked.source.dataset}` downloads and reads it."
        )


def _state(stage: PlannedStage, stages: tuple[PlannedStage, ...]) -> str:
    if stage.cached is not None:
        return "yes" if stage.cached else "no"
    first = next(one.name for one in stages if not one.cached)
    return f"known after {first}"


def _estimate(checked: Preflight) -> Estimate | None:
    """Estimate all runs that are left; None for data that would have to be downloaded."""
    run, source, settings = checked.run, checked.source, checked.config.data
    facts: DatasetFacts | None = cache.peek(run, INGEST, INGEST.key(source, settings))
    seconds = 0.0
    if facts is None:
        if source.kind == "named":
            return None
        facts, seconds = read_facts(run, source, settings)
    return estimate(facts, seconds, checked.config, len(checked.unfinished))
