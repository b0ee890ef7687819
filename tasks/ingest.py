"""Stage 1: the verified source becomes one canonical form."""

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.tasks import exponential_backoff

from sightline import ingestion
from sightline.config import DataConfig
from sightline.records import DatasetFiles, Run, Source
from sightline.stages import INGEST
from tasks.caching import CheckedEntries
from tasks.retries import is_passing_fault


@task(
    name="ingest",
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=2 * 3600,
    cache_policy=CheckedEntries(stage=INGEST),
    result_serializer="json",
    tags=["sightline", "data"],
)
def ingest(run: Run, source: Source, settings: DataConfig) -> DatasetFiles:
    """Read the source and store its images, labels and counts."""
    files = ingestion.ingest(run, source, settings)
    rows = [
        {"class": name, **{split: counts[number] for split, counts in files.counts.items()}}
        for number, name in enumerate(files.class_names)
    ]
    create_table_artifact(rows, key="dataset", description=f"{files.dataset}: {files.source}")
    return files
