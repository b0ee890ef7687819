"""The stage evaluate: measure the trained model on the test split, unused until here."""

from typing import Any

from sightline.config import EvaluationConfig
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.fast_import import uncollected
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, DatasetFiles, Evaluation, ModelFile, Run, TrainedModel


def evaluate(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    trained: TrainedModel,
    settings: EvaluationConfig,
    features: ArraySet | None = None,
) -> Evaluation:
    """Predict the test split and measure the predictions. Runs in the Keras process.

    Args:
        features: Output of the stage embed, if there is any: it saves most of the predictions of
            training and validation images.

    Raises:
        StageError: The exported model disagrees with the trained one.
        StorageError: The disk has too little room.
    """

    def make(draft: Draft) -> Evaluation:
        exported = run.workspace.root / trained.model.path
        model = ModelFile(path=str(exported), sha256=trained.model.sha256)
        return _measure(run, files, arrays, model, settings, trained, features, draft)

    key = EVALUATE.key(files, arrays, trained, settings, features)
    return find_or_make(run, EVALUATE, key, make)


def evaluate_model(
    run: Run, files: DatasetFiles, arrays: ArraySet, model: ModelFile, settings: EvaluationConfig
) -> Evaluation:
    """Measure a model that exists already on a test split alone. Runs in the Keras process.

    Raises errors as `evaluate`, and ModelFileError if the model's file is damaged.
    """

    def make(draft: Draft) -> Evaluation:
        return _measure(run, files, arrays, model, settings, None, None, draft)

    key = EVALUATE_MODEL.key(files, arrays, model, settings)
    return find_or_make(run, EVALUATE_MODEL, key, make)


def _measure(*arguments: Any) -> Evaluation:
    with uncollected():
        from sightline.evaluation import measures  # imports Keras

    return measures.measure(*arguments)


_LIBRARIES = (*KERAS, "scikit-learn", "scipy")

EVALUATE = Stage(evaluate, _LIBRARIES)
EVALUATE_MODEL = Stage(evaluate_model, _LIBRARIES)
