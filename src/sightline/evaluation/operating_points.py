"""Thresholds of a class's probability that reach a recall or a precision."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.records import OperatingPoint

TARGETS = (0.9, 0.95, 0.99)
"""The recalls and the precisions that are to be reached."""


def find(
    class_name: str,
    precisions: NDArray[np.float64],
    recalls: NDArray[np.float64],
    thresholds: NDArray[np.floating[Any]],
) -> Iterator[OperatingPoint]:
    """Yield the highest precision for each least recall, and the reverse, where it is reached.

    Args:
        class_name: The class that images belong to whose probability is at least a threshold.
        precisions: Precision at each threshold, shape (n,), in [0, 1].
        recalls: Recall at each threshold, shape (n,), in [0, 1].
        thresholds: Shape (n,), in [0, 1].
    """
    for goal, reached, other in (
        ("recall", recalls, precisions),
        ("precision", precisions, recalls),
    ):
        for target in TARGETS:
            places = np.flatnonzero(reached >= target)
            if len(places):
                best = places[other[places] == other[places].max()]
                place = best[reached[best].argmax()]
                yield OperatingPoint(
                    class_name=class_name,
                    goal=goal,
                    target=target,
                    threshold=float(thresholds[place]),
                    precision=float(precisions[place]),
                    recall=float(recalls[place]),
                )
