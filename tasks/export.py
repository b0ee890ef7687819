"""Stage 7: export the evaluated model, and certify that every format is the same model."""

from sightline.config import ExportConfig
from sightline.export.export import EXPORT
from sightline.pipeline.process import keras_process
from sightline.records import Certificate, DatasetFiles, Evaluation, Run, TrainedModel
from sightline.reporting import summary, tables
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import stage_task


@stage_task(EXPORT, retries=2, timeout_seconds=3600)
def export(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ExportConfig,
) -> Certificate:
    """Export the model in other formats and compare the predictions of each."""
    certificate = keras_process().run(EXPORT.function, run, files, trained, evaluation, settings)
    rows = tables.exports(certificate).records()
    show_table(rows, key="export", description=summary.exports(certificate))
    return certificate
