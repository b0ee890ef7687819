"""Measure the trained model on the test split, which nothing before has seen.

Runs inside the Keras process. What is measured stands in `sightline.measures`.
"""

import json
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from sightline import keras_files
from sightline.arrays import open_mapped
from sightline.caching import Draft, find_or_make
from sightline.config import EvaluationConfig
from sightline.errors import StageError
from sightline.files import check_room
from sightline.label_table import Labels, read_labels
from sightline.measures.calibration import fit_temperature, reliability
from sightline.measures.coverage import coverage
from sightline.measures.intervals import wilson
from sightline.measures.predictions import Predictions, blocks, predict_split, tempered
from sightline.records import (
    ArraySet,
    Calibration,
    ClassMetrics,
    DatasetFiles,
    Evaluation,
    Metrics,
    Run,
    Temperature,
    TrainedModel,
)
from sightline.stages import EVALUATE

Floats = NDArray[np.float32]

_BATCH_BYTES = 8 << 20
"""A prediction step takes no more, since the activations of large images are far larger."""

_ROW_BYTES, _CLASS_BYTES = 24, 4
"""A prediction holds three int64, and a float32 for each class."""

_METRICS_BYTES = 1 << 20
_PARITY_IMAGES = 1_000
_PARITY_TOLERANCE = 1e-5
"""Largest difference of a probability that counts as rounding."""

_TOP = (2, 3, 5)
_TEMPERATURE_IMAGES = 10_000
"""A temperature is one number: more validation images would tell it no better."""


@dataclass(frozen=True)
class _Subject:
    """The model under test and what it is tested on.

    Attributes:
        model: As exported, from uint8 images to probabilities.
        network: The same from float32 images in [0, 1].
        raw: Test images, uint8 of shape (n, height, width, channels).
        images: The same, prepared.
        labels: Shape (n,).
        batch_size: Images a prediction step.
    """

    model: keras.Model
    network: keras.Model
    raw: NDArray[np.uint8]
    images: Floats
    labels: Labels
    batch_size: int

    def predict(self, images: NDArray[Any]) -> Floats:
        """Return the class probabilities of prepared images."""
        return class_probabilities(self.network, images, self.batch_size)

    def serve(self, raw: NDArray[Any]) -> Floats:
        """Return the class probabilities of raw images, as whoever uses the model gets them."""
        return class_probabilities(self.model, raw, self.batch_size)


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
        check_room(run.root, _bytes_needed(arrays), "The predictions")
        subject = _subject(run, files, arrays, trained, settings)
        difference = _serving_difference(subject)
        predictions = predict_split(
            subject.predict,
            subject.images,
            subject.labels,
            keras.config.epsilon(),  # Keras' categorical_crossentropy keeps it from 0 and 1
            draft.path("predictions.parquet"),
        )
        metrics = Metrics(
            **_of_predictions(files, subject.labels, predictions),
            calibration=_calibration(run, arrays, subject, predictions, settings, draft),
            coverage=coverage(predictions.confidence, predictions.rank == 0),
            serving_difference=difference,
        )
        text = json.dumps(metrics.model_dump(mode="json"), indent=1, ensure_ascii=False)
        draft.path("metrics.json").write_text(text, encoding="utf-8")
        return Evaluation(
            metrics=draft.record("metrics.json"),
            predictions=draft.record("predictions.parquet"),
            **dict(metrics),
        )

    key = EVALUATE.key(files, arrays, trained, settings)
    return find_or_make(run, EVALUATE, key, make)


def class_probabilities(model: keras.Model, images: NDArray[Any], batch_size: int) -> Floats:
    """Predict batch by batch: `predict` makes an input pipeline, whose tuner it may wait for.

    Args:
        model: Takes what the images are.
        images: Of shape (n, height, width, channels).
        batch_size: Most images at a time.

    Returns:
        The class probabilities, (n, num_classes).
    """
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [model.predict_on_batch(np.asarray(images[at : at + batch_size])) for at in starts]
    )


def _bytes_needed(arrays: ArraySet) -> int:
    examples, classes = arrays.splits["test"].labels.shape
    return examples * (_ROW_BYTES + classes * _CLASS_BYTES) + _METRICS_BYTES


def _subject(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    trained: TrainedModel,
    settings: EvaluationConfig,
) -> _Subject:
    model = keras_files.read_model(run.root / trained.model.path, trained.model.sha256)
    images = open_mapped(run.root / arrays.splits["test"].images.path)
    return _Subject(
        model=model,
        network=keras_files.without_preprocessing(model),
        raw=open_mapped(run.root / files.images["test"].path),
        images=images,
        labels=read_labels(run.root, files, "test"),
        batch_size=min(settings.batch_size, max(1, _BATCH_BYTES // int(images[0].nbytes))),
    )


def _serving_difference(subject: _Subject) -> float:
    """Compare the exported model on raw images with its network on prepared ones."""
    count = min(_PARITY_IMAGES, next(blocks(subject.images)).stop)
    served = subject.serve(subject.raw[:count])
    difference = float(np.abs(served - subject.predict(subject.images[:count])).max())
    if difference > _PARITY_TOLERANCE:
        raise StageError(
            f"The exported model differs from the trained one by {difference:.2g} in a class "
            f"probability; expected at most {_PARITY_TOLERANCE:.0e}. Its preprocessing is wrong."
        )
    return difference


def _of_predictions(
    files: DatasetFiles, labels: Labels, predictions: Predictions
) -> dict[str, Any]:
    right, total = int((predictions.rank == 0).sum()), len(labels)
    classes = range(len(files.class_names))
    confusion = confusion_matrix(labels, predictions.predicted, labels=classes)
    return {
        "accuracy": right / total,
        "accuracy_interval": wilson(right, total),
        "top_k": {k: float((predictions.rank < k).mean()) for k in _TOP if k < len(classes)},
        "loss": predictions.loss,
        "classes": _class_metrics(files, labels, predictions.predicted, confusion),
        "confusion": tuple(tuple(int(count) for count in row) for row in confusion),
    }


def _class_metrics(
    files: DatasetFiles, labels: Labels, predicted: Labels, confusion: NDArray[np.int64]
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
    arrays: ArraySet,
    subject: _Subject,
    predictions: Predictions,
    settings: EvaluationConfig,
    draft: Draft,
) -> Calibration:
    bins = settings.calibration_bins
    found, error = reliability(predictions.confidence, predictions.rank == 0, bins)
    if "validation" not in arrays.splits:
        return Calibration(bins=found, error=error)
    temperature, images = _temperature(run, arrays, subject)
    path = draft.path("predictions.parquet")
    mended = tempered(path, subject.labels, keras.config.epsilon(), temperature)
    _, mended_error = reliability(mended.confidence, mended.rank == 0, bins)
    effect = Temperature(
        temperature=temperature,
        validation_images=images,
        loss=mended.loss,
        calibration_error=mended_error,
    )
    return Calibration(bins=found, error=error, temperature=effect)


def _temperature(run: Run, arrays: ArraySet, subject: _Subject) -> tuple[float, int]:
    """Fit the temperature to validation images from all over the split; return their number."""
    split = arrays.splits["validation"]
    images = open_mapped(run.root / split.images.path)
    count = min(len(images), _TEMPERATURE_IMAGES)
    rows = np.linspace(0, len(images) - 1, count).astype(np.int64)
    labels = open_mapped(run.root / split.labels.path)[rows].argmax(axis=1)
    steps = range(0, count, subject.batch_size)
    probabilities = np.concatenate(
        [subject.predict(images[rows[at : at + subject.batch_size]]) for at in steps]
    )
    return fit_temperature(probabilities, labels), count
