"""What a model says of a split, image by image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import Labels
from sightline.evaluation.calibration import temper
from sightline.pipeline.progress import Progress, emit
from sightline.storage.npy import BLOCK_BYTES

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]
"""Raw images, (m, height, width, channels)."""

Predict = Callable[[NDArray[Any]], Floats]
"""From images of shape (m, height, width, channels) to class probabilities, (m, num_classes)."""

_VALUES = 4 << 20
"""Probabilities that are read at once."""


@dataclass(frozen=True)
class Predictions:
    """A few bytes an image, all in the order of the split.

    Attributes:
        predicted: The most probable class, int16.
        confidence: Its probability, float32.
        rank: How many classes come before the label, int16; 0 where the model is right.
        loss: Mean cross-entropy, in nats.
    """

    predicted: Labels
    confidence: Floats
    rank: NDArray[np.int16]
    loss: float


class _Tally:
    """Gathers predictions block by block."""

    def __init__(self, images: int, smallest: float) -> None:
        self._predicted = np.empty(images, dtype=np.int16)
        self._confidence = np.empty(images, dtype=np.float32)
        self._rank = np.empty(images, dtype=np.int16)
        self._loss = 0.0
        self._smallest = smallest

    def add(self, rows: slice, labels: Labels, probabilities: Floats) -> None:
        order = np.arange(len(labels))
        of_label = probabilities[order, labels]
        self._predicted[rows] = probabilities.argmax(axis=1)
        self._confidence[rows] = probabilities.max(axis=1)
        before = probabilities > of_label[:, np.newaxis]
        # Of equal ones the first counts as the most probable, as argmax has it.
        before |= (probabilities == of_label[:, np.newaxis]) & (
            np.arange(probabilities.shape[1]) < labels[:, np.newaxis]
        )
        self._rank[rows] = before.sum(axis=1)
        clipped = np.clip(of_label, self._smallest, 1 - self._smallest)
        self._loss -= float(np.log(clipped).sum())

    def predictions(self) -> Predictions:
        return Predictions(
            self._predicted, self._confidence, self._rank, self._loss / len(self._predicted)
        )


def predict_split(
    predict: Predict, images: Floats, labels: Labels, smallest: float, path: Path
) -> Predictions:
    """Predict a split block by block and write the predictions.

    Args:
        predict: From prepared images to class probabilities.
        images: float32 of shape (n, height, width, channels), values in [0, 1].
        labels: int16 of shape (n,).
        smallest: Distance from 0 and 1 that probabilities keep in the loss.
        path: Parquet file to write: index, label, predicted, probability_<i>.

    Returns:
        What the measures need of them.
    """
    tally = _Tally(len(labels), smallest)
    with _Writer(path) as writer:
        for rows in blocks(images):
            probabilities = predict(images[rows])
            tally.add(rows, labels[rows], probabilities)
            writer.append(rows, labels[rows], probabilities)
            emit(Progress(stage="evaluate", done=rows.stop, total=len(labels), unit="images"))
    return tally.predictions()


def tempered(path: Path, labels: Labels, smallest: float, temperature: float) -> Predictions:
    """Read written predictions and divide their logits by a temperature.

    Args:
        path: What `predict_split` wrote.
        labels: int16 of shape (n,).
        smallest: As for `predict_split`.
        temperature: More than 0.

    Returns:
        As `predict_split`, with other probabilities.
    """
    tally = _Tally(len(labels), smallest)
    start = 0
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        names = [name for name in table.schema_arrow.names if name.startswith("probability_")]
        for batch in table.iter_batches(max(1, _VALUES // len(names)), columns=names):
            rows = slice(start, start + len(batch))
            probabilities = np.stack([column.to_numpy() for column in batch.columns], axis=1)
            tally.add(rows, labels[rows], temper(probabilities, temperature).astype(np.float32))
            start = rows.stop
    return tally.predictions()


def blocks(images: NDArray[Any]) -> Iterator[slice]:
    """Yield the rows of images that are held at once, in order.

    Args:
        images: Array of shape (n, height, width, channels), n at least 1; may be mapped.
    """
    rows = max(1, BLOCK_BYTES // int(images[0].nbytes))
    for start in range(0, len(images), rows):
        yield slice(start, min(start + rows, len(images)))


class _Writer:
    """Writes predictions block by block, one row group each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def append(self, rows: slice, labels: Labels, probabilities: Floats) -> None:
        columns: dict[str, Any] = {
            "index": np.arange(rows.start, rows.stop),
            "label": labels.astype(np.int64),
            "predicted": probabilities.argmax(axis=1).astype(np.int64),
        }
        for number in range(probabilities.shape[1]):
            columns[f"probability_{number}"] = probabilities[:, number]
        table = pa.table(columns)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, write_page_checksum=True)
        self._writer.write_table(table)
