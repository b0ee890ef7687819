import numpy as np
import pytest

from sightline.training import step_history
from sightline.training.epoch_plan import EpochPlan

PLAN = EpochPlan(examples=45, batch_size=10)  # five steps, the last with half a batch


def followed(total, jump=1):
    points = []
    for steps in range(jump, total + 1, jump):
        if step_history.is_due(points, steps, total):
            points.append({"step": steps})
    return [point["step"] for point in points]


@pytest.mark.parametrize(("total", "jump"), [(450, 1), (18_752, 8), (60, 5)])
def test_about_fifty_points_are_evenly_spread_and_end_with_the_last_step(total, jump):
    steps = followed(total, jump)
    assert steps[-1] == total
    assert 12 <= len(steps) <= 75
    assert max(np.diff([0, *steps])) <= max(jump, total / 50) + jump


def test_short_training_has_a_point_for_each_step():
    assert followed(7) == list(range(1, 8))


def test_points_are_means_of_the_images_since_the_point_before():
    drawn = np.random.default_rng(0)
    points = []
    losses = drawn.uniform(size=(2, 45))  # of each image in two epochs
    for step, images in ((2, 20), (3, 30), (5, 45)):
        points.append({"step": step, "loss": losses[0, :images].mean(), "accuracy": 0.5})
    points.append({"step": 9, "loss": losses[1, :40].mean(), "accuracy": 0.75})
    rows = step_history.of_intervals(points, PLAN)
    expected = [losses[0, :20], losses[0, 20:30], losses[0, 30:], losses[1, :40]]
    assert [row["loss"] for row in rows] == pytest.approx([part.mean() for part in expected])
    assert [row["accuracy"] for row in rows] == pytest.approx([0.5, 0.5, 0.5, 0.75])
    assert [row["epoch"] for row in rows] == pytest.approx([0.4, 0.6, 1.0, 1.8])
