"""Predictions for a split, image by image."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import Labels
from sightline.data.split_arrays import StoredImages, blocks
from sightline.evaluation import predictions_table
from sightline.evaluation.predictions_table import Block, Floats
from sightline.pipeline.progress import Progress, emit
from sightline.records import Mistake

Images = NDArray[np.uint8]  # Raw images, (m, height, width, channels)
Predict = Callable[[NDArray[Any]], Floats]
"""From images of shape (m, height, width, channels) to class probabilities, (m, num_classes)."""

PREDICTIONS = "predictions.parquet"
"""Name of the predictions table in the results of evaluate and in run folders."""

_EPSILON = 1e-7  # Keras' categorical_crossentropy clips probabilities to [1e-7, 1 - 1e-7]


@dataclass(frozen=True)
class Predictions:
    """What the measures need to know of n predictions."""

    index: NDArray[np.int64]  # int64 array of shape (n,), index in the split
    label: NDArray[Any]  # Integer array of shape (n,), values 0 to num_classes - 1
    predicted: NDArray[np.int64]  # int64 array of shape (n,), the most probable class
    confidence: Floats  # float32 array of shape (n,), probability of the predicted class, in [0, 1]
    label_probability: Floats  # float32 array of shape (n,), probability of the label, in [0, 1]
    # int64 array of shape (n,), number of classes ranked before the label; 0 where the prediction
    # is correct
    rank: NDArray[np.int64]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Return which predictions are correct; bool array of shape (n,)."""
        correct: NDArray[np.bool_] = np.equal(self.label, self.predicted)
        return correct

    @property
    def losses(self) -> NDArray[np.float64]:
        """Return the cross-entropy of each image in nats, shape (n,)."""
        clipped = np.clip(self.label_probability, _EPSILON, 1 - _EPSILON)
        return -np.log(clipped.astype(np.float64))

    @property
    def loss(self) -> float:
        """Return the mean cross-entropy in nats."""
        return float(self.losses.mean())

    def take(self, rows: NDArray[Any]) -> "Predictions":
        """Return the rows of an index array or a boolean mask."""
        return Predictions(**{name: getattr(self, name)[rows] for name in _FIELDS})


_FIELDS = tuple(field.name for field in fields(Predictions))


def predict_split(
    predict: Predict,
    images: StoredImages,
    labels: Labels,
    sources: Iterator[str],
    num_classes: int,
    path: Path,
) -> Predictions:
    """Predict prepared images block by block and write the predictions table.

    Args:
        sources: The file or record of each image.
    """
    parts = []
    columns = predictions_table.schema(num_classes, sources=True)
    with pq.ParquetWriter(path, columns, write_page_checksum=True) as writer:
        for block in predict_blocks(predict, images, labels, "images"):
            named = replace(block, sources=list(islice(sources, len(block.labels))))
            writer.write_table(predictions_table.to_arrow(named))
            parts.append(of_block(block))
    return join(parts)


def predict_blocks(
    predict: Predict, images: StoredImages, labels: Labels, unit: str
) -> Iterator[Block]:
    """Predict at least one image, block by block; `unit` is what the progress counts."""
    for rows in blocks(images):
        yield Block(rows.start, labels[rows], predict(images[rows]))
        emit(Progress(stage="evaluate", done=rows.stop, total=len(images), unit=unit))


def read(path: Path, num_classes: int) -> Predictions:
    """Read a predictions table.

    Raises InputError if the file is missing, damaged, or not a predictions table.
    """
    return join(of_block(block) for block in predictions_table.read_blocks(path, num_classes))


def most_confident_mistakes(
    path: Path, class_names: tuple[str, ...], limit: int
) -> tuple[tuple[Mistake, ...], int]:
    """Find the most confident mistakes in a predictions table, and count all mistakes.

    Raises InputError if the table is missing or damaged.
    """
    parts = map(of_block, predictions_table.read_blocks(path, len(class_names)))
    wrong = join(part.take(~part.correct) for part in parts)
    found = wrong.take(np.lexsort((wrong.index, -wrong.confidence))[:limit])
    sources = predictions_table.read_sources(path, found.index)
    return tuple(
        Mistake(
            index=int(found.index[row]),
            label=class_names[found.label[row]],
            predicted=class_names[found.predicted[row]],
            probability=float(found.confidence[row]),
            label_probability=float(found.label_probability[row]),
            source=source,
        )
        for row, source in enumerate(sources)
    ), len(wrong.index)


def sample_correct(path: Path, num_classes: int, limit: int) -> Predictions:
    """Choose correct predictions evenly spaced over a predictions table, the least confident first.

    Raises InputError as `read`.
    """
    found = read(path, num_classes)
    found = found.take(found.correct)
    count = min(limit, len(found.index))
    found = found.take(np.arange(count) * len(found.index) // max(1, count))
    return found.take(np.lexsort((found.index, found.confidence)))


def of_block(block: Block) -> Predictions:
    """Reduce the probabilities of a block to what the measures need."""
    rows, classes = (np.arange(size) for size in block.probabilities.shape)
    predicted = block.probabilities.argmax(axis=1)
    of_label = block.probabilities[rows, block.labels]
    higher = block.probabilities > of_label[:, np.newaxis]
    # Among equal probabilities the first class ranks highest, as in argmax.
    earlier = classes < block.labels[:, np.newaxis]
    equal = block.probabilities == of_label[:, np.newaxis]
    return Predictions(
        index=block.start + rows,
        label=block.labels,
        predicted=predicted,
        confidence=block.probabilities[rows, predicted],
        label_probability=of_label,
        rank=(higher | (equal & earlier)).sum(axis=1),
    )


def join(parts: Iterable[Predictions]) -> Predictions:
    """Concatenate at least one part."""
    found = list(parts)
    return Predictions(
        **{name: np.concatenate([getattr(part, name) for part in found]) for name in _FIELDS}
    )
