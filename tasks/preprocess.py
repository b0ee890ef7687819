"""Stage 2: stored images become training arrays."""

from prefect.artifacts import create_table_artifact

from sightline.config import PreprocessingConfig
from sightline.data import preprocess as preprocessing
from sightline.pipeline.stages import PREPROCESS
from sightline.records import ArraySet, DatasetFiles, Run
from sightline.tasks.base import stage_task


@stage_task(PREPROCESS, retries=2, timeout_seconds=3600)
def preprocess(run: Run, files: DatasetFiles, settings: PreprocessingConfig) -> ArraySet:
    """Scale the images, encode the labels, hold out the validation split."""
    arrays = preprocessing.preprocess(run, files, settings)
    rows = [
        {"split": name, "images": str(split.images.shape), "labels": str(split.labels.shape)}
        for name, split in arrays.splits.items()
    ]
    create_table_artifact(rows, key="arrays", description="float32 arrays a split")
    return arrays
