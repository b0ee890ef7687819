"""Stage 6: the pictures of the report."""

import base64

from prefect.artifacts import create_image_artifact

from sightline import reporting
from sightline.config import ReportConfig
from sightline.records import DatasetFiles, Evaluation, Report, Run, TrainedModel
from sightline.stages import REPORT
from tasks.stage import stage_task

_SHOWN = (
    ("training-curves", "curves", "Accuracy and loss, epoch by epoch"),
    ("confusion-matrix", "confusion_matrix", "Test split; row: label, column: prediction"),
)
"""Prefect artifact key, picture and caption."""


@stage_task(REPORT, retries=2, timeout_seconds=600)
def report(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the samples, the curves, the confusion matrix and the worst mistakes."""
    drawn = reporting.report(run, files, trained, evaluation, settings)
    for key, name, description in _SHOWN:
        picture = (run.root / drawn.figures[name].path).read_bytes()
        address = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        create_image_artifact(address, key=key, description=description)
    return drawn
