"""Stage 1: read the verified source into one canonical form."""

from sightline.config import DataConfig
from sightline.data import ingest as ingestion
from sightline.data.ingest import INGEST
from sightline.records import DatasetFiles, Run, Source
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import stage_task
from sightline.tasks.progress import logged_progress


@stage_task(INGEST, retries=3, timeout_seconds=2 * 3600)
def ingest(run: Run, source: Source, settings: DataConfig) -> DatasetFiles:
    """Read the source and store its images, labels and counts."""
    with logged_progress():
        files = ingestion.ingest(run, source, settings)
    rows = [
        {"class": name, **{split: counts[number] for split, counts in files.counts.items()}}
        for number, name in enumerate(files.class_names)
    ]
    show_table(rows, key="dataset", description=f"{files.dataset}: {files.source}")
    return files
