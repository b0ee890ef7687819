"""Stage 6: the figures of the report."""

from sightline.config import ReportConfig
from sightline.records import DatasetFiles, Evaluation, ModelBlueprint, Report, Run, TrainedModel
from sightline.reporting import report as reporting
from sightline.reporting.report import REPORT
from sightline.tasks.base import stage_task


@stage_task(REPORT, retries=2, timeout_seconds=600)
def report(
    run: Run,
    files: DatasetFiles,
    blueprint: ModelBlueprint,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the samples, the layers, the curves, the confusion matrix and the worst mistakes."""
    return reporting.report(run, files, blueprint, trained, evaluation, settings)
