"""Stage 2: stored images become training arrays."""

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.tasks import exponential_backoff

from sightline import preprocessing
from sightline.config import PreprocessingConfig
from sightline.records import ArraySet, DatasetFiles, Run
from sightline.stages import PREPROCESS
from tasks.caching import CheckedEntries
from tasks.retries import is_passing_fault


@task(
    name="preprocess",
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=3600,
    cache_policy=CheckedEntries(stage=PREPROCESS),
    result_serializer="json",
    tags=["sightline", "data"],
)
def preprocess(run: Run, files: DatasetFiles, settings: PreprocessingConfig) -> ArraySet:
    """Scale the images, encode the labels, hold out the validation split."""
    arrays = preprocessing.preprocess(run, files, settings)
    rows = [
        {"split": name, "images": str(split.images.shape), "labels": str(split.labels.shape)}
        for name, split in arrays.splits.items()
    ]
    create_table_artifact(rows, key="arrays", description="float32 arrays a split")
    return arrays
