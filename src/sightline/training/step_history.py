"""The course of a training within its epochs, at about fifty points."""

from collections.abc import Sequence

from sightline.training.epoch_plan import EpochPlan

Point = dict[str, int | float]
_POINTS = 50


def is_due(points: Sequence[Point], steps: int, total: int) -> bool:
    """Return whether a point is due after this many steps of all.

    It depends on the steps alone, so that a resumed training has the same points.
    """
    every = max(1, total // _POINTS)
    last = int(points[-1]["step"]) if points else 0
    return steps // every > last // every or steps == total


def of_intervals(points: Sequence[Point], plan: EpochPlan) -> list[Point]:
    """Turn the means since the start of an epoch into means since the point before.

    Args:
        points: step, learning_rate, and loss and accuracy as Keras reports them, by step.

    Returns:
        The same rows with the epoch, a fraction where it is incomplete.
    """
    rows = []
    epoch, images = -1, 0
    sums = {"loss": 0.0, "accuracy": 0.0}
    for point in points:
        steps = int(point["step"])
        now, last = divmod(steps - 1, plan.steps)
        if now != epoch:
            epoch, images, sums = now, 0, dict.fromkeys(sums, 0.0)
        seen = plan.batch(last).stop
        totals = {name: point[name] * seen for name in sums}
        means = {name: (totals[name] - sums[name]) / (seen - images) for name in sums}
        rows.append({**point, "epoch": steps / plan.steps, **means})
        images, sums = seen, totals
    return rows
