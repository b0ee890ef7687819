"""Stage 2: turn stored images into training arrays."""

from sightline.config import PreprocessingConfig
from sightline.data import preprocess as preprocessing
from sightline.data.preprocess import PREPROCESS
from sightline.records import ArraySet, DatasetFiles, Run
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import stage_task


@stage_task(PREPROCESS, retries=2, timeout_seconds=3600)
def preprocess(run: Run, files: DatasetFiles, settings: PreprocessingConfig) -> ArraySet:
    """Scale the images, encode the labels and hold out the validation split."""
    arrays = preprocessing.preprocess(run, files, settings)
    rows = [
        {"split": name, "images": split.count, "stored as": split.images.dtype}
        for name, split in arrays.splits.items()
    ]
    show_table(rows, key="arrays", description="Arrays per split")
    return arrays
