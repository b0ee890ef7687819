"""The last step: the run folder with its report, whole or not at all."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from sightline.config import RunConfig
from sightline.records import Run, RunSummary, Source, StageRecords, StageTime
from sightline.reporting import publish as publishing
from sightline.tasks import artifacts
from sightline.tasks.display import display_only


@task(
    name="publish",
    timeout_seconds=600,
    cache_policy=NO_CACHE,  # every run has its own folder
    persist_result=False,
    result_serializer="json",
)
def publish(
    run: Run,
    config: RunConfig,
    source: Source,
    records: StageRecords,
    stages: dict[str, StageTime],
) -> RunSummary:
    """Write the run folder and show its report in Prefect."""
    summary = publishing.publish(run, config, source, records, stages, flow_run_id=flow_run.id)
    with display_only():
        artifacts.show(run, summary, records)
    return summary
