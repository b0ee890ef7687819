"""The last step: publish the run folder and its report in one step."""

from prefect.runtime import flow_run

from sightline.config import RunConfig
from sightline.records import Run, RunSummary, Source, StageRecords, StageTime
from sightline.registry import comparison
from sightline.reporting import publish as publishing
from sightline.tasks.artifacts import show_run
from sightline.tasks.base import uncached_task


@uncached_task("publish")  # every run has its own folder
def publish(
    run: Run,
    config: RunConfig,
    source: Source,
    records: StageRecords,
    stages: dict[str, StageTime],
) -> RunSummary:
    """Write the run folder and show its report in Prefect."""
    champion = None  # which the gate compared with, if it is on
    if records.decision is None:
        champion = comparison.with_champion(run, records.ingest, records.evaluate)
    summary = publishing.publish(run, config, source, records, stages, flow_run.id, champion)
    show_run(run, summary, records)
    return summary
