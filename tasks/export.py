"""Stage 7: export the measured model, and certify that every form is the same model."""

from sightline.config import ExportConfig
from sightline.pipeline.process import keras_process
from sightline.pipeline.stages import EXPORT
from sightline.records import Certificate, DatasetFiles, Evaluation, Run, TrainedModel
from sightline.reporting import exports
from sightline.tasks.base import stage_task
from sightline.tasks.display import display_only, show_table


@stage_task(EXPORT, retries=2, timeout_seconds=3600)
def export(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ExportConfig,
) -> Certificate:
    """Export the measured model in other forms and compare each with what was measured."""
    certificate = keras_process().run(EXPORT, run, files, trained, evaluation, settings)
    with display_only():
        show_table(
            exports.rows(certificate), key="export", description=exports.headline(certificate)
        )
    return certificate
