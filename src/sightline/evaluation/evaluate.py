"""Measure the trained model on the test split, which nothing before has seen.

Runs inside the Keras process. What is measured stands in `sightline.measures`.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from sightline.config import EvaluationConfig
from sightline.data.label_table import Labels, read_labels
from sightline.errors import StageError
from sightline.evaluation import (
    label_errors,
    mistakes,
    model_under_test,
    robustness,
    saliency,
    slices,
)
from sightline.evaluation.calibration import fit_temperature, reliability
from sightline.evaluation.intervals import wilson
from sightline.evaluation.model_under_test import Subject
from sightline.evaluation.predictions import Predictions, blocks, predict_split, read
from sightline.evaluation.selective import coverage
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import EVALUATE
from sightline.records import (
    ArraySet,
    Calibration,
    ClassMetrics,
    DatasetFiles,
    Evaluation,
    LabelErrors,
    Metrics,
    Robustness,
    Run,
    Saliency,
    Temperature,
    TrainedModel,
)
from sightline.storage.npy import ArrayWriter, open_mapped
from sightline.training.precision import exact_float32

_ROW_BYTES, _CLASS_BYTES = 24, 4
"""A prediction holds three int64, and a float32 for each class."""

_METRICS_BYTES = 1 << 20
_PREDICTIONS, _MAPS, _DOUBTS = "predictions.parquet", "saliency.npy", "label_errors.parquet"
_PARITY_IMAGES = 1_000
_PARITY_TOLERANCE = 1e-5
"""Largest difference of a probability that counts as rounding."""

_TOP = (2, 3, 5)
_TEMPERATURE_IMAGES = 10_000
"""A temperature is one number: more validation images would tell it no better."""


def evaluate(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    trained: TrainedModel,
    settings: EvaluationConfig,
) -> Evaluation:
    """Predict the test split and measure the predictions.

    Args:
        run: Where to work.
        files: Gives the raw images and the labels.
        arrays: Gives the prepared test images.
        trained: The exported model.
        settings: Batch size, and how deep to look.

    Returns:
        Accuracy with its interval, loss, metrics a class, confusion matrix, calibration,
        predictions.

    Raises:
        StageError: The exported model does not agree with the trained one.
        StorageError: The disk has too little room.
    """

    def make(draft: Draft) -> Evaluation:
        run.workspace.check_room(_bytes_needed(arrays), "The predictions")
        tested = model_under_test.load(run, files, arrays, trained, settings)
        difference = _serving_difference(tested)
        predictions = predict_split(
            tested.predict,
            tested.images,
            tested.labels,
            len(files.class_names),
            draft.path(_PREDICTIONS),
        )
        right = predictions.correct
        labels = run.workspace.root / files.labels.path
        metrics = Metrics(
            **_of_predictions(files, tested.labels, predictions),
            calibration=_calibration(run, files, arrays, tested, predictions, settings, draft),
            coverage=coverage(predictions.probability, right),
            slices=slices.measure(labels, "test", settings.slices, right),
            robustness=_robustness(tested, settings),
            saliency=_saliency(files, tested, settings, draft),
            label_errors=_label_errors(run, files, tested, settings, draft),
            serving_difference=difference,
        )
        text = json.dumps(metrics.model_dump(mode="json"), indent=1, ensure_ascii=False)
        draft.path("metrics.json").write_text(text, encoding="utf-8")
        return Evaluation(
            metrics=draft.record("metrics.json"),
            predictions=draft.record(_PREDICTIONS),
            **dict(metrics),
        )

    key = EVALUATE.key(files, arrays, trained, settings)
    with exact_float32():
        return find_or_make(run, EVALUATE, key, make)


def _bytes_needed(arrays: ArraySet) -> int:
    examples, classes = arrays.splits["test"].labels.shape
    return examples * (_ROW_BYTES + classes * _CLASS_BYTES) + _METRICS_BYTES


def _serving_difference(tested: Subject) -> float:
    """Compare the exported model on raw images with its network on prepared ones."""
    count = min(_PARITY_IMAGES, next(blocks(tested.images)).stop)
    served = tested.serve(tested.raw[:count])
    difference = float(np.abs(served - tested.predict(tested.images[:count])).max())
    if difference > _PARITY_TOLERANCE:
        raise StageError(
            f"The exported model differs from the trained one by {difference:.2g} in a class "
            f"probability; expected at most {_PARITY_TOLERANCE:.0e}. Its preprocessing is wrong."
        )
    return difference


def _of_predictions(
    files: DatasetFiles, labels: Labels, predictions: Predictions
) -> dict[str, Any]:
    right, total = int(predictions.correct.sum()), len(labels)
    classes = range(len(files.class_names))
    confusion = confusion_matrix(labels, predictions.predicted, labels=classes)
    return {
        "accuracy": right / total,
        "accuracy_interval": wilson(right, total),
        "top_k": {k: float((predictions.rank < k).mean()) for k in _TOP if k < len(classes)},
        "loss": float(predictions.losses.mean()),
        "classes": _class_metrics(files, labels, predictions.predicted, confusion),
        "confusion": tuple(tuple(int(count) for count in row) for row in confusion),
    }


def _class_metrics(
    files: DatasetFiles, labels: Labels, predicted: NDArray[np.int64], confusion: NDArray[np.int64]
) -> tuple[ClassMetrics, ...]:
    columns = precision_recall_fscore_support(
        labels, predicted, labels=range(len(files.class_names)), zero_division=0.0
    )
    hits, named = confusion.diagonal(), confusion.sum(axis=0)
    return tuple(
        ClassMetrics(
            class_name=name,
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
            support=int(support),
            precision_interval=wilson(int(hits[number]), int(named[number])),
            recall_interval=wilson(int(hits[number]), int(support)),
        )
        for number, (name, precision, recall, f1, support) in enumerate(
            zip(files.class_names, *columns, strict=True)
        )
    )


def _calibration(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    tested: Subject,
    predictions: Predictions,
    settings: EvaluationConfig,
    draft: Draft,
) -> Calibration:
    bins = settings.calibration_bins
    found, error = reliability(predictions.probability, predictions.correct, bins)
    if "validation" not in arrays.splits:
        return Calibration(bins=found, error=error)
    temperature, images = _temperature(run, arrays, tested)
    path = draft.path(_PREDICTIONS)
    scaled = read(path, len(files.class_names), temperature)
    _, scaled_error = reliability(scaled.probability, scaled.correct, bins)
    effect = Temperature(
        temperature=temperature,
        validation_images=images,
        loss=float(scaled.losses.mean()),
        calibration_error=scaled_error,
    )
    return Calibration(bins=found, error=error, temperature=effect)


def _temperature(run: Run, arrays: ArraySet, tested: Subject) -> tuple[float, int]:
    """Fit the temperature to validation images from all over the split; return their number."""
    split = arrays.splits["validation"]
    images = open_mapped(run.workspace.root / split.images.path)
    count = min(len(images), _TEMPERATURE_IMAGES)
    rows = np.linspace(0, len(images) - 1, count).astype(np.int64)
    labels = open_mapped(run.workspace.root / split.labels.path)[rows].argmax(axis=1)
    steps = range(0, count, tested.batch_size)
    probabilities = np.concatenate(
        [tested.predict(images[rows[at : at + tested.batch_size]]) for at in steps]
    )
    return fit_temperature(probabilities, labels), count


def _robustness(tested: Subject, settings: EvaluationConfig) -> Robustness | None:
    most = settings.robustness_images
    return robustness.measure(tested.serve, tested.raw, tested.labels, most) if most else None


def _saliency(
    files: DatasetFiles, tested: Subject, settings: EvaluationConfig, draft: Draft
) -> Saliency | None:
    """Explain the surest mistakes."""
    path, most = draft.path(_PREDICTIONS), settings.saliency_images
    found, _ = mistakes.worst(path, files.class_names, most)
    if not found:
        return None
    images = tested.images[[mistake.index for mistake in found]]
    named = np.array([files.class_names.index(mistake.predicted) for mistake in found])
    maps, completeness = saliency.attribute(tested.network, images, named)
    with ArrayWriter(draft.path(_MAPS), maps.shape, "float32") as writer:
        writer.append(maps)
    return Saliency(
        indexes=tuple(mistake.index for mistake in found),
        maps=draft.array_record(writer),
        completeness=completeness,
    )


def _label_errors(
    run: Run, files: DatasetFiles, tested: Subject, settings: EvaluationConfig, draft: Draft
) -> LabelErrors | None:
    threshold = settings.label_error_threshold
    if threshold == 1:
        return None
    images = open_mapped(run.workspace.root / files.images["train"].path)
    labels = read_labels(run.workspace, files, "train")
    found = label_errors.find(tested.serve, images, labels, threshold)
    label_errors.write(draft.path(_DOUBTS), found, run.workspace.root / files.labels.path)
    return LabelErrors(
        examined=len(labels),
        found=found.num_rows,
        threshold=threshold,
        table=draft.record(_DOUBTS),
    )
