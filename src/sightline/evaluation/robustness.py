"""Accuracy on corrupted test images, compared with the same images uncorrupted."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import Labels
from sightline.data.split_arrays import SelectedImages, StoredImages, blocks
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from sightline.evaluation.model_under_test import Context
from sightline.evaluation.predictions import Images, Predict
from sightline.pipeline.progress import Progress, emit
from sightline.records import CorruptionMetrics, Robustness


def measure(context: Context) -> Robustness | None:
    """Measure the robustness of the exported model; None where it is switched off."""
    tested = context.tested
    limit = tested.limits.robustness
    if not limit:
        return None
    return accuracy_under_corruption(tested.predict_raw, tested.raw, tested.labels, limit)


def accuracy_under_corruption(
    predict: Predict, images: StoredImages, labels: Labels, limit: int
) -> Robustness:
    """Predict a sample of the test split under each corruption in each severity.

    At most `limit` images are sampled; classes keep their shares.
    """
    rows = _sample(labels, limit)
    hits = np.zeros(1 + len(CORRUPTIONS) * len(SEVERITIES), dtype=np.int64)
    done, total = 0, len(rows) * len(hits)
    sample = SelectedImages(images, rows)
    for part in blocks(sample):
        own = labels[rows[part]]
        for number, version in enumerate(_versions(sample[part], part.start)):
            hits[number] += np.count_nonzero(predict(version).argmax(axis=1) == own)
            done += len(own)
            emit(Progress(stage="evaluate", done=done, total=total, unit="corrupted images"))
    shares = hits / len(rows)
    corrupted = shares[1:].reshape(len(CORRUPTIONS), len(SEVERITIES)).tolist()
    return Robustness(
        images=len(rows),
        accuracy=float(shares[0]),
        corruptions=tuple(
            CorruptionMetrics(corruption=name, accuracies=tuple(accuracies))
            for name, accuracies in zip(CORRUPTIONS, corrupted, strict=True)
        ),
    )


def _versions(images: Images, first: int) -> Iterator[Images]:
    """Yield the images unchanged, then under each corruption in each severity."""
    yield images
    for corruption in CORRUPTIONS.values():
        for severity in SEVERITIES:
            yield corruption(images, severity, first)


def _sample(labels: Labels, limit: int) -> NDArray[np.int64]:
    """Choose evenly spaced rows, class by class.

    A class's rows are consecutive, so every class meets each direction of a corruption equally.
    """
    by_class = np.argsort(labels, kind="stable")
    count = min(limit, len(labels))
    return by_class[np.arange(count) * len(labels) // count]
