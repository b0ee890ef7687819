"""The measures of two runs side by side, with their 95 % intervals."""

import math
from collections.abc import Iterator, Sequence

from sightline.evaluation.intervals import wilson
from sightline.evaluation.predictions import Predictions
from sightline.records import Evaluation
from sightline.records.difference import ClassPair, Measure

_NORMAL = 1.959964
"""97.5 % quantile of the normal distribution."""


def tested(evaluation: Evaluation) -> int:
    """Count the test images."""
    return sum(metrics.support for metrics in evaluation.classes)


def measures(
    a: Evaluation, b: Evaluation, predictions: Sequence[Predictions | None]
) -> Iterator[Measure]:
    """Set the figures of the whole test split side by side.

    Args:
        a: Of the one run.
        b: Of the other.
        predictions: Of both; where they are None, the loss has no interval.

    Yields:
        Accuracy, loss, calibration error and the top-k accuracies.
    """
    yield Measure(
        name="accuracy",
        a=a.accuracy,
        b=b.accuracy,
        a_interval=a.accuracy_interval,
        b_interval=b.accuracy_interval,
    )
    spread = [_loss_half_width(found) for found in predictions]
    yield Measure(
        name="loss",
        a=a.loss,
        b=b.loss,
        a_interval=_around(a.loss, spread[0]),
        b_interval=_around(b.loss, spread[1]),
    )
    yield Measure(
        name="calibration error",
        a=a.calibration.error if a.calibration else None,
        b=b.calibration.error if b.calibration else None,
    )
    for k in sorted({*a.top_k, *b.top_k}):
        yield Measure(
            name=f"top-{k} accuracy",
            a=a.top_k.get(k),
            b=b.top_k.get(k),
            a_interval=_top_k_interval(a, k),
            b_interval=_top_k_interval(b, k),
        )


def classes(a: Evaluation, b: Evaluation) -> Iterator[ClassPair]:
    """Set the metrics of the classes side by side, in label order; both have the same classes."""
    for one, other in zip(a.classes, b.classes, strict=False):
        yield ClassPair(a=one, b=other)


def _top_k_interval(evaluation: Evaluation, k: int) -> tuple[float, float] | None:
    images, share = tested(evaluation), evaluation.top_k.get(k)
    if share is None or not 0 <= share <= 1 or images < 1:
        return None
    return wilson(round(share * images), images)


def _loss_half_width(predictions: Predictions | None) -> float | None:
    """Half the width of the 95 % interval of the mean loss, by the central limit theorem."""
    if predictions is None or len(predictions.label) < 2:  # noqa: PLR2004 - a deviation takes two
        return None
    losses = predictions.losses
    half = _NORMAL * float(losses.std(ddof=1)) / math.sqrt(len(losses))
    return half if math.isfinite(half) else None


def _around(middle: float, half_width: float | None) -> tuple[float, float] | None:
    return None if half_width is None else (max(0.0, middle - half_width), middle + half_width)
