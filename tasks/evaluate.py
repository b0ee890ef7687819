"""Stage 5: measure the trained model on the test split."""

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.tasks import exponential_backoff

from sightline.config import EvaluationConfig
from sightline.keras_process import keras_process
from sightline.records import ArraySet, DatasetFiles, Evaluation, Run, TrainedModel
from sightline.stages import EVALUATE
from tasks.caching import CheckedEntries
from tasks.retries import is_passing_fault


@task(
    name="evaluate",
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_passing_fault,
    timeout_seconds=3600,
    cache_policy=CheckedEntries(stage=EVALUATE),
    result_serializer="json",
    tags=["sightline", "model"],
)
def evaluate(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    trained: TrainedModel,
    settings: EvaluationConfig,
) -> Evaluation:
    """Predict the test split and measure the predictions."""
    evaluation = keras_process().run(EVALUATE, run, files, arrays, trained, settings)
    rows = [metrics.model_dump(mode="json") for metrics in evaluation.classes]
    low, high = evaluation.accuracy_interval
    headline = f"Test accuracy {evaluation.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
    create_table_artifact(rows, key="evaluation", description=headline)
    return evaluation
