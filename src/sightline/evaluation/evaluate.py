"""The stage evaluate: measure the trained model on the test split, unused until here."""

from sightline.config import EvaluationConfig
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.records import ArraySet, DatasetFiles, Evaluation, Run, TrainedModel


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
        from sightline.evaluation import measures  # imports Keras

        return measures.measure(run, files, arrays, trained, settings, features, draft)

    key = EVALUATE.key(files, arrays, trained, settings, features)
    return find_or_make(run, EVALUATE, key, make)


EVALUATE = Stage(evaluate, (*KERAS, "scikit-learn", "scipy"))
