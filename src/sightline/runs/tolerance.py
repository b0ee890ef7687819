"""By how much two accuracies may differ that are equal but for chance."""

import math
from typing import NamedTuple

from sightline.records import Evaluation
from sightline.records.manifest import RunManifest
from sightline.runs import seed_noise
from sightline.storage.workspace import Workspace


class Tolerance(NamedTuple):
    """By how much two accuracies may differ, a share in [0, 1], and where that comes from."""

    limit: float
    source: str


def find(workspace: Workspace, original: RunManifest, again: RunManifest) -> Tolerance:
    """Return by how much the accuracies of a run and its repetition may differ by chance.

    Args:
        workspace: The artifacts root, where noise bands lie.
        original: The run.
        again: The run that repeats it.

    Returns:
        The run's seed noise; where none was measured, what the test images alone leave open.
    """
    band = seed_noise.find(workspace, original)
    if band is not None:
        return Tolerance(band.accuracy.difference, f"the seed noise of {len(band.seeds)} seeds")
    limit = combined_half_width(original.records.evaluate, again.records.evaluate)
    return Tolerance(limit, "the combined 95% interval of both, since no seed noise was measured")


def combined_half_width(one: Evaluation, other: Evaluation) -> float:
    """Return how far two accuracies may lie apart that are equal but for chance.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions"
    (1998), method 10: the end that is nearer to zero.

    Args:
        one: Gives an accuracy with its 95 % Wilson interval.
        other: The same.

    Returns:
        A share in [0, 1].
    """
    low, high = sorted((one, other), key=lambda evaluation: evaluation.accuracy)
    return math.hypot(
        high.accuracy - high.accuracy_interval[0], low.accuracy_interval[1] - low.accuracy
    )
