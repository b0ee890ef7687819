"""Stage 6: the pictures of the report."""

import base64

from prefect import task
from prefect.artifacts import create_image_artifact
from prefect.tasks import exponential_backoff

from sightline import reporting
from sightline.config import ReportConfig
from sightline.records import DatasetFiles, Evaluation, Report, Run, TrainedModel
from sightline.stages import REPORT
from tasks.caching import CheckedEntries
from tasks.retries import is_passing_fault


@task(
    name="report",
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=600,
    cache_policy=CheckedEntries(stage=REPORT),
    result_serializer="json",
    tags=["sightline", "report"],
)
def report(
    run: Run,
    files: DatasetFiles,
    trained: TrainedModel,
    evaluation: Evaluation,
    settings: ReportConfig,
) -> Report:
    """Draw the samples, the curves, the confusion matrix and the worst mistakes."""
    drawn = reporting.report(run, files, trained, evaluation, settings)
    curves = (run.root / drawn.figures["curves"].path).read_bytes()
    address = f"data:image/png;base64,{base64.b64encode(curves).decode()}"
    create_image_artifact(address, key="training-curves", description="Accuracy and loss")
    return drawn
