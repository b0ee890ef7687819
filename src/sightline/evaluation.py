"""Measure the trained model on the test split, which nothing before has seen.

Runs inside the Keras process.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from sightline import keras_files
from sightline.arrays import open_mapped
from sightline.caching import Draft, find_or_make
from sightline.config import EvaluationConfig
from sightline.errors import StageError
from sightline.files import check_room
from sightline.label_table import Labels, read_labels
from sightline.progress import Progress, emit
from sightline.records import (
    ArraySet,
    ClassMetrics,
    DatasetFiles,
    Evaluation,
    Metrics,
    Run,
    TrainedModel,
)
from sightline.stages import EVALUATE

Floats = NDArray[np.float32]

_BLOCK_BYTES = 64 << 20
"""Images that are predicted and written at once, in bytes of float32."""

_BATCH_BYTES = 8 << 20
"""A prediction step takes no more, since the activations of large images are far larger."""

_ROW_BYTES, _CLASS_BYTES = 24, 4
"""A prediction holds three int64, and a float32 for each class."""

_METRICS_BYTES = 1 << 20
_PARITY_IMAGES = 1_000
_PARITY_TOLERANCE = 1e-5
"""Largest difference of a probability that counts as rounding."""


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
        settings: Batch size.

    Returns:
        Accuracy with its interval, loss, metrics a class, confusion matrix, predictions.

    Raises:
        StageError: The exported model does not agree with the trained one.
        StorageError: The disk has too little room.
    """

    def make(draft: Draft) -> Evaluation:
        check_room(run.root, _bytes_needed(arrays), "The predictions")
        model = keras_files.read_model(run.root / trained.model.path, trained.model.sha256)
        images = open_mapped(run.root / arrays.splits["test"].images.path)
        labels = read_labels(run.root, files, "test")
        predicted, loss = _predict(
            keras_files.without_preprocessing(model), images, labels, settings, draft
        )
        raw = open_mapped(run.root / files.images["test"].path)
        difference = _serving_difference(model, raw, images, settings)
        metrics = _metrics(files, labels, predicted, loss, difference)
        text = json.dumps(metrics.model_dump(mode="json"), indent=1, ensure_ascii=False)
        draft.path("metrics.json").write_text(text, encoding="utf-8")
        return Evaluation(
            metrics=draft.record("metrics.json"),
            predictions=draft.record("predictions.parquet"),
            **metrics.model_dump(),
        )

    key = EVALUATE.key(files, arrays, trained, settings)
    return find_or_make(run, EVALUATE, key, make)


def _bytes_needed(arrays: ArraySet) -> int:
    examples, classes = arrays.splits["test"].labels.shape
    return examples * (_ROW_BYTES + classes * _CLASS_BYTES) + _METRICS_BYTES


def _predict(
    network: keras.Model,
    images: Floats,
    labels: Labels,
    settings: EvaluationConfig,
    draft: Draft,
) -> tuple[Labels, float]:
    predicted = np.empty(len(labels), dtype=np.int16)
    total_loss = 0.0
    with _PredictionsWriter(draft.path("predictions.parquet")) as writer:
        for rows in _blocks(images):
            probabilities = class_probabilities(
                network, images[rows], _batch_size(images, settings)
            )
            predicted[rows] = probabilities.argmax(axis=1)
            of_label = probabilities[np.arange(len(probabilities)), labels[rows]]
            # Keras' categorical_crossentropy keeps the same distance from 0 and 1.
            epsilon = keras.config.epsilon()
            total_loss -= float(np.log(np.clip(of_label, epsilon, 1 - epsilon)).sum())
            writer.append(rows, labels[rows], predicted[rows], probabilities)
            emit(Progress(stage="evaluate", done=rows.stop, total=len(labels), unit="images"))
    return predicted, total_loss / len(labels)


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


class _PredictionsWriter:
    """Writes predictions block by block, one row group each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "_PredictionsWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def append(self, rows: slice, labels: Labels, predicted: Labels, probabilities: Floats) -> None:
        columns: dict[str, Any] = {
            "index": np.arange(rows.start, rows.stop),
            "label": labels.astype(np.int64),
            "predicted": predicted.astype(np.int64),
        }
        for number in range(probabilities.shape[1]):
            columns[f"probability_{number}"] = probabilities[:, number]
        table = pa.table(columns)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, write_page_checksum=True)
        self._writer.write_table(table)


def _serving_difference(
    model: keras.Model, raw: NDArray[np.uint8], images: Floats, settings: EvaluationConfig
) -> float:
    """Compare the exported model on raw images with its network on prepared ones."""
    network = keras_files.without_preprocessing(model)
    count = min(_PARITY_IMAGES, next(_blocks(images)).stop)
    served = class_probabilities(model, raw[:count], _batch_size(images, settings))
    trained = class_probabilities(network, images[:count], _batch_size(images, settings))
    difference = float(np.abs(served - trained).max())
    if difference > _PARITY_TOLERANCE:
        raise StageError(
            f"The exported model differs from the trained one by {difference:.2g} in a class "
            f"probability; expected at most {_PARITY_TOLERANCE:.0e}. Its preprocessing is wrong."
        )
    return difference


def _metrics(
    files: DatasetFiles, labels: Labels, predicted: Labels, loss: float, difference: float
) -> Metrics:
    right = int((labels == predicted).sum())
    interval = binomtest(right, len(labels)).proportion_ci(0.95, method="wilson")
    confusion = confusion_matrix(labels, predicted, labels=range(len(files.class_names)))
    return Metrics(
        accuracy=right / len(labels),
        accuracy_interval=(float(interval.low), float(interval.high)),
        loss=loss,
        classes=_class_metrics(files, labels, predicted),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        serving_difference=difference,
    )


def _class_metrics(
    files: DatasetFiles, labels: Labels, predicted: Labels
) -> tuple[ClassMetrics, ...]:
    columns = precision_recall_fscore_support(
        labels, predicted, labels=range(len(files.class_names)), zero_division=0.0
    )
    return tuple(
        ClassMetrics(
            class_name=name,
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
            support=int(support),
        )
        for name, precision, recall, f1, support in zip(files.class_names, *columns, strict=True)
    )


def _batch_size(images: Floats, settings: EvaluationConfig) -> int:
    most = max(1, _BATCH_BYTES // int(images[0].nbytes))
    return min(settings.batch_size, most)


def _blocks(images: Floats) -> Iterator[slice]:
    rows = max(1, _BLOCK_BYTES // images[0].nbytes)
    for start in range(0, len(images), rows):
        yield slice(start, min(start + rows, len(images)))
