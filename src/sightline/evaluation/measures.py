"""Measure the trained model on the test split, which no earlier stage has used.

Runs in the Keras process. To add a measure, write a module with a function
`measure(context)`, add a field of its result to `records.Metrics`, and list it
in `MEASURES`.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sightline.config import EvaluationConfig
from sightline.data.label_table import stream_sources
from sightline.data.split_arrays import blocks
from sightline.errors import StageError
from sightline.evaluation import (
    calibration,
    classification,
    label_errors,
    model_under_test,
    neighbors,
    predictions_table,
    profile_sample,
    reference,
    robustness,
    saliency,
    selective,
    slices,
    threshold_curves,
)
from sightline.evaluation.model_under_test import Context, ModelUnderTest
from sightline.evaluation.predictions import PREDICTIONS, predict_split
from sightline.evaluation.predictions_table import Floats
from sightline.pipeline.cache import Draft
from sightline.records import (
    ArraySet,
    DatasetFiles,
    Evaluation,
    Metrics,
    ModelFile,
    Run,
    TrainedModel,
)
from sightline.training.precision import exact_float32

MEASURES: dict[str, Callable[[Context], Any]] = {
    "calibration": calibration.measure,
    "coverage": selective.measure,
    "linear_reference": reference.measure,
    "threshold_curves": threshold_curves.measure,
    "slices": slices.measure,
    "robustness": robustness.measure,
    "saliency": saliency.measure,
    "label_errors": label_errors.measure,
    "neighbors": neighbors.measure,
    "profile": profile_sample.measure,
}
"""Field of `records.Metrics` to the function that measures it."""

_METRICS = "metrics.json"
_METRICS_BYTES = 1 << 20
_ROW_BYTES, _CLASS_BYTES = 24 + 64, 4
"""A row of the predictions table holds three int64, a source and a float32 for each class."""

_SERVING_TOLERANCE = 1e-5  # Largest difference of a probability that counts as rounding
_FEATURES_TOLERANCE = 0.01  # The same with features, which are rounded to float16
_log = logging.getLogger(__name__)


@exact_float32()
def measure(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    exported: ModelFile,
    settings: EvaluationConfig,
    trained: TrainedModel | None,
    features: ArraySet | None,
    draft: Draft,
) -> Evaluation:
    """Predict the test split and measure the predictions; see `evaluate.evaluate`."""
    run.workspace.check_room(_bytes_needed(arrays), "The predictions")
    tested = model_under_test.load(run, files, arrays, exported, settings, trained, features)
    sample = profile_sample.FeatureSample(tested)
    path, classes = draft.path(PREDICTIONS), len(files.class_names)
    sources = stream_sources(run.workspace, files, "test")
    predictions = predict_split(
        sample.predict, tested.images, tested.labels, sources, classes, path
    )
    served = _served(tested)
    first = next(predictions_table.read_blocks(path, classes)).probabilities
    serving_difference = _serving_difference(served, first[: len(served)])
    tested = _without_deviating_features(tested, served)
    context = Context(tested, predictions, draft, sample)
    metrics = Metrics(
        **classification.measure(predictions, files.class_names),
        **{name: function(context) for name, function in MEASURES.items()},
        serving_difference=serving_difference,
    )
    text = json.dumps(metrics.model_dump(mode="json"), indent=1, ensure_ascii=False)
    draft.path(_METRICS).write_text(text, encoding="utf-8")
    return Evaluation(
        metrics=draft.record(_METRICS),
        predictions=draft.record(PREDICTIONS),
        **dict(metrics),
    )


def _bytes_needed(arrays: ArraySet) -> int:
    test = arrays.splits["test"]
    return test.count * (_ROW_BYTES + test.num_classes * _CLASS_BYTES) + _METRICS_BYTES


def _served(tested: ModelUnderTest) -> Floats:
    """Predict the first test images with the exported model."""
    count = min(tested.limits.served, next(blocks(tested.images)).stop)
    return tested.predict_raw(tested.raw[:count])


def _serving_difference(served: Floats, predicted: Floats) -> float:
    """Compare the exported model on raw images with its network on prepared ones."""
    difference = float(np.abs(served - predicted).max())
    if difference > _SERVING_TOLERANCE:
        raise StageError(
            f"The exported model differs from the trained one by {difference:.2g} in a class "
            f"probability, expected at most {_SERVING_TOLERANCE:.0e}: its preprocessing is wrong."
        )
    return difference


def _without_deviating_features(tested: ModelUnderTest, served: Floats) -> ModelUnderTest:
    """Leave the features out if they lead to other predictions than the same images."""
    if tested.features is None:
        return tested
    found = tested.predict_features(tested.features.open("test")[: len(served)])
    difference = float(np.abs(served - found).max())
    if difference <= _FEATURES_TOLERANCE:
        return tested
    _log.warning(
        "The features change a class probability by %.2g, more than %g: images are used instead",
        difference,
        _FEATURES_TOLERANCE,
    )
    return replace(tested, features=None)
