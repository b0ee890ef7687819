"""ROC and precision-recall curves of each class against the rest, by scikit-learn."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.evaluation import operating_points
from sightline.evaluation.model_under_test import Context
from sightline.evaluation.predictions import PREDICTIONS
from sightline.records import OperatingPoint, ThresholdCurves
from sightline.storage.npy import ArrayWriter

Curve = NDArray[np.float64]  # Values at `GRID`, shape (201,), in [0, 1]

GRID: Curve = np.linspace(0, 1, 201)
"""The false positive rates and the recalls at which the curves are stored."""

MOST_CLASSES = 20  # Up to this many classes, the curve of each one is stored
_FILE = "threshold_curves.npy"


class ClassCurves(NamedTuple):
    """The curves of one class and the areas below them."""

    recall: Curve  # ROC curve: the recall, or true positive rate, over the false positive rate
    precision: Curve  # Precision over recall
    roc_auc: float
    average_precision: float
    points: tuple[OperatingPoint, ...]


def measure(context: Context) -> ThresholdCurves | None:
    """Measure the curves of the test split; None if all its images are of one class."""
    names = context.tested.files.class_names
    found = list(read(context.draft.path(PREDICTIONS), names))
    known = [one for one in found if one is not None]
    if not known:
        return None
    kept = known if len(names) <= MOST_CLASSES else []
    curves = np.array([[one.recall for one in known], [one.precision for one in known]])
    mean = curves.mean(axis=1, keepdims=True)
    points = np.concatenate([mean, curves[:, : len(kept)]], axis=1).astype(np.float32)
    with ArrayWriter(context.draft.path(_FILE), points.shape, "float32") as writer:
        writer.append(points)
    return ThresholdCurves(
        roc_auc=float(np.mean([one.roc_auc for one in known])),
        average_precision=float(np.mean([one.average_precision for one in known])),
        class_roc_auc=tuple(one and one.roc_auc for one in found),
        class_average_precision=tuple(one and one.average_precision for one in found),
        operating_points=tuple(point for one in known for point in one.points),
        points=context.draft.array_record(writer),
    )


def read(path: Path, class_names: Sequence[str]) -> Iterator[ClassCurves | None]:
    """Read the curves of each class from a predictions table, one column at a time.

    Yields None for a class that no image, or every image, belongs to.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        labels = table.read(["label"])["label"].to_numpy()
        for number, class_name in enumerate(class_names):
            positive, name = labels == number, f"probability_{number}"
            mixed = positive.any() and not positive.all()
            yield (
                trace(class_name, positive, table.read([name])[name].to_numpy()) if mixed else None
            )


def trace(class_name: str, positive: NDArray[np.bool_], scores: NDArray[np.float32]) -> ClassCurves:
    """Compute the curves of a class that some of the images, but not all, belong to.

    Between two thresholds, recall rises linearly with the false positive rate, and precision stays
    at that of the lower threshold, as in the definitions of the two areas.

    Args:
        class_name: Name of the class.
        positive: Whether an image belongs to the class, shape (n,).
        scores: The probability of the class, shape (n,).
    """
    from sklearn.metrics import auc, precision_recall_curve, roc_curve

    false_rates, true_rates, _ = roc_curve(positive, scores)
    precisions, recalls, thresholds = precision_recall_curve(positive, scores)  # recalls fall
    reached = np.searchsorted(recalls[::-1], GRID)
    return ClassCurves(
        recall=np.interp(GRID, false_rates, true_rates),
        precision=precisions[::-1][reached],
        roc_auc=float(auc(false_rates, true_rates)),
        average_precision=float(-np.sum(np.diff(recalls) * precisions[:-1])),
        points=tuple(operating_points.find(class_name, precisions[:-1], recalls[:-1], thresholds)),
    )
