"""Predict the splits without labels with the trained model."""

from sightline.config import DataConfig
from sightline.pipeline.process import keras_process
from sightline.prediction.unlabelled import PREDICT
from sightline.records import DatasetFiles, Run, Source, TrainedModel, UnlabelledPredictions
from sightline.tasks.base import stage_task


@stage_task(PREDICT, retries=2, timeout_seconds=24 * 3600)
def predict(
    run: Run, source: Source, settings: DataConfig, files: DatasetFiles, trained: TrainedModel
) -> UnlabelledPredictions:
    """Predict the images without labels and write their table."""
    return keras_process().run(PREDICT.function, run, source, settings, files, trained)
