"""Accuracy, loss, metrics of each class and the confusion matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    cohen_kappa_score,
    confusion_matrix,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from sightline.evaluation import intervals
from sightline.evaluation.intervals import wilson
from sightline.evaluation.predictions import Predictions
from sightline.records import ClassMetrics

_TOP = (2, 3, 5)


def measure(predictions: Predictions, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of `records.Metrics` from accuracy to confusion."""
    hits, total, classes = int(predictions.correct.sum()), len(predictions.label), len(class_names)
    confusion = confusion_matrix(predictions.label, predictions.predicted, labels=range(classes))
    by_class = _class_metrics(predictions, class_names, confusion)
    tested = [row for row in by_class if row.support]
    top_k = {k: int((predictions.rank < k).sum()) for k in _TOP if k < classes}
    found = {
        **intervals.means_of_classes(confusion),
        "loss": intervals.mean(predictions.losses),
        **{f"top-{k} accuracy": wilson(count, total) for k, count in top_k.items()},
    }
    return {
        "accuracy": hits / total,
        "accuracy_interval": wilson(hits, total),
        "balanced_accuracy": float(np.mean([row.recall for row in tested])),
        "macro_f1": float(np.mean([row.f1 for row in tested])),
        **_agreement(predictions),
        "top_k": {k: count / total for k, count in top_k.items()},
        "intervals": {name: one for name, one in found.items() if one is not None},
        "loss": predictions.loss,
        "classes": by_class,
        "confusion": tuple(tuple(int(count) for count in row) for row in confusion),
    }


def _agreement(predictions: Predictions) -> dict[str, float]:
    """Return the two measures that compare labels and predictions with chance.

    They are undefined if all labels and all predictions are of one class.
    """
    label, predicted = predictions.label, predictions.predicted
    if len(np.union1d(label, predicted)) == 1:
        return {}
    return {
        "matthews": float(matthews_corrcoef(label, predicted)),
        "kappa": float(cohen_kappa_score(label, predicted)),
    }


def _class_metrics(
    predictions: Predictions, class_names: tuple[str, ...], confusion: NDArray[np.int64]
) -> tuple[ClassMetrics, ...]:
    columns = precision_recall_fscore_support(
        predictions.label,
        predictions.predicted,
        labels=range(len(class_names)),
        zero_division=0.0,
    )
    hits, predicted = confusion.diagonal(), confusion.sum(axis=0)
    return tuple(
        ClassMetrics(
            class_name=name,
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
            support=int(support),
            precision_interval=wilson(int(hits[number]), int(predicted[number])),
            recall_interval=wilson(int(hits[number]), int(support)),
        )
        for number, (name, precision, recall, f1, support) in enumerate(
            zip(class_names, *columns, strict=True)
        )
    )
