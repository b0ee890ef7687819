"""Stage 5: evaluate the trained model on the test split."""

from contextlib import nullcontext

from sightline.config import EvaluationConfig
from sightline.evaluation.evaluate import EVALUATE
from sightline.pipeline.process import keras_process
from sightline.records import ArraySet, DatasetFiles, Evaluation, Run, TrainedModel
from sightline.reporting import data_figures
from sightline.tasks.artifacts import show_table
from sightline.tasks.base import stage_task


@stage_task(EVALUATE, retries=2, timeout_seconds=3600)
def evaluate(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    trained: TrainedModel,
    settings: EvaluationConfig,
    features: ArraySet | None = None,
) -> Evaluation:
    """Predict the test split and compute its metrics."""
    inputs = (run, files, arrays, trained, settings, features)
    # With features, the evaluation finds neighbors, which are drawn with the data
    ahead = data_figures.drawn_ahead(run, files) if features is None else nullcontext()
    with ahead:
        evaluation = keras_process().run(EVALUATE.function, *inputs)
    rows = [metrics.model_dump(mode="json") for metrics in evaluation.classes]
    low, high = evaluation.accuracy_interval
    headline = f"Test accuracy {evaluation.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
    show_table(rows, key="evaluation", description=headline)
    return evaluation
