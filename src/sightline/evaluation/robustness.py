"""Accuracy on corrupted test images, beside that on the same images as they are."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import Labels
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from sightline.evaluation.predictions import Images, Predict, blocks
from sightline.pipeline.progress import Progress, emit
from sightline.records import CorruptionMetrics, Robustness


def measure(predict: Predict, images: Images, labels: Labels, most: int) -> Robustness:
    """Predict a sample of the test split under each corruption in each severity.

    Args:
        predict: The model.
        images: uint8 array of shape (n, height, width, channels), n at least 1; may be mapped.
        labels: int16 array of shape (n,).
        most: How many images to take at most, at least 1; of each class its share.

    Returns:
        Shares of right predictions, in [0, 1].
    """
    rows = _sample(labels, most)
    right = np.zeros(1 + len(CORRUPTIONS) * len(SEVERITIES), dtype=np.int64)
    for part in blocks(images[: len(rows)]):
        first, chosen = part.start, rows[part]
        for number, version in enumerate(_versions(images[chosen], first)):
            predicted = predict(version).argmax(axis=1)
            right[number] += np.count_nonzero(predicted == labels[chosen])
            done = first * len(right) + (number + 1) * len(chosen)
            _tell(done, len(rows) * len(right))
    shares = right / len(rows)
    return Robustness(
        images=len(rows),
        accuracy=float(shares[0]),
        corruptions=tuple(
            CorruptionMetrics(corruption=name, accuracies=tuple(accuracies.tolist()))
            for name, accuracies in zip(
                CORRUPTIONS, shares[1:].reshape(len(CORRUPTIONS), -1), strict=True
            )
        ),
    )


def _versions(images: Images, first: int) -> Iterator[Images]:
    """Yield the images as they are, then under each corruption in each severity."""
    yield images
    for corruption in CORRUPTIONS.values():
        for severity in SEVERITIES:
            yield corruption(images, severity, first)


def _sample(labels: Labels, most: int) -> NDArray[np.int64]:
    """Choose rows at equal distances, class by class.

    Since a class's rows follow each other, it meets each direction of a corruption alike.
    """
    by_class = np.argsort(labels, kind="stable")
    count = min(most, len(labels))
    return by_class[np.arange(count) * len(labels) // count]


def _tell(done: int, total: int) -> None:
    emit(Progress(stage="evaluate", done=done, total=total, unit="corrupted images"))
