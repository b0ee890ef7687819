"""Measure the trained model on the test split, which no earlier stage has used.

Runs in the Keras process. To add a measure, write a module with a function
`measure(context)`, add a field of its result to `records.Metrics`, and list it
in `MEASURES`.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
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
from sightline.evaluation.frozen_features import FrozenFeatures
from sightline.evaluation.model_under_test import Context, ModelUnderTest
from sightline.evaluation.predictions import PREDICTIONS, Predictions, predict_split
from sightline.evaluation.predictions_table import Floats
from sightline.evaluation.profile_sample import FeatureSample
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
_FEATURES_TOLERANCE = 0.01  # The same of features that are rounded to float16
_PLACES = {name: {"entry": True} for name in ("neighbors", "linear_reference")}
"""Fields that say where the cache has something, and nothing of the model."""

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
    path, served = draft.path(PREDICTIONS), _served(tested)
    sample, predictions = _predict(tested, path, tested.features)
    difference = _difference(served, path)
    if tested.features is not None and difference > _SERVING_TOLERANCE:
        by_features = difference
        sample, predictions = _predict(tested, path)
        difference = _difference(served, path)
        _check_serving(difference)
        tested = _without_deviating_features(tested, by_features)
    else:
        _check_serving(difference)
    context = Context(tested, predictions, draft, sample)
    metrics = Metrics(
        **classification.measure(predictions, files.class_names),
        **{name: function(context) for name, function in MEASURES.items()},
        serving_difference=difference,
    )
    found = metrics.model_dump(mode="json", exclude=_PLACES)
    text = json.dumps(found, indent=1, ensure_ascii=False)
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
    count, batch = min(tested.limits.served, next(blocks(tested.images)).stop), tested.batch_size
    if count > batch:
        count -= count % batch  # the network would be compiled again for the rest
    return tested.predict_raw(tested.raw[:count])


def _predict(
    tested: ModelUnderTest, path: Path, features: FrozenFeatures | None = None
) -> tuple[FeatureSample, Predictions]:
    """Predict the test split from its features or its images, and write the predictions."""
    sample, classes = FeatureSample(tested, features), len(tested.files.class_names)
    sources = stream_sources(tested.workspace, tested.files, "test")
    return sample, predict_split(
        sample.predict, sample.images, tested.labels, sources, classes, path
    )


def _difference(served: Floats, path: Path) -> float:
    """Compare the exported model on raw images with the predictions that were written."""
    first = next(predictions_table.read_blocks(path, served.shape[1])).probabilities
    return float(np.abs(served - first[: len(served)]).max())


def _check_serving(difference: float) -> None:
    if difference > _SERVING_TOLERANCE:
        raise StageError(
            f"The exported model differs from the trained one by {difference:.2g} in a class "
            f"probability, expected at most {_SERVING_TOLERANCE:.0e}: its preprocessing is wrong."
        )


def _without_deviating_features(tested: ModelUnderTest, difference: float) -> ModelUnderTest:
    """Leave the features out if they differ by more than those of other splits are rounded."""
    if difference <= _FEATURES_TOLERANCE:
        return tested
    _log.warning(
        "The features change a class probability by %.2g, more than %g: images are used instead",
        difference,
        _FEATURES_TOLERANCE,
    )
    return replace(tested, features=None)
