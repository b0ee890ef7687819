"""Stage 1: read the verified source into one canonical form."""

from functools import partial

from sightline.config import DataConfig
from sightline.data import ingest as ingestion
from sightline.data.ingest import INGEST
from sightline.data.sharding.on_ray import ingest_on_ray
from sightline.data.sharding.processes import in_processes
from sightline.data.sharding.shard import INGEST_SHARD
from sightline.data.sharding.stream import IngestShards
from sightline.pipeline.ray_shards import RAY
from sightline.records import DatasetFiles, Run, Source
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import stage_task
from sightline.tasks.progress import logged_progress
from sightline.tasks.shards import compute_elsewhere


@stage_task(INGEST, retries=3, timeout_seconds=24 * 3600)
def ingest(run: Run, source: Source, settings: DataConfig) -> DatasetFiles:
    """Read the source and store its images, labels and counts."""
    with logged_progress():
        files = ingestion.ingest(run, source, settings, _runner(settings.shard_deployment))
    rows = [
        {"class": name, **{split: counts[number] for split, counts in files.counts.items()}}
        for number, name in enumerate(files.class_names)
    ]
    show_table(rows, key="dataset", description=f"{files.dataset}: {files.source}")
    return files


def _runner(deployment: str | None) -> IngestShards:
    """Return what ingests shards where the config wants it."""
    if deployment == RAY:
        return ingest_on_ray
    if deployment is None:
        return in_processes
    return partial(compute_elsewhere, INGEST_SHARD, deployment=deployment)
