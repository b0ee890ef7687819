import pytest

from sightline.config import TrainingConfig
from sightline.errors import ConfigError
from sightline.training.epoch_plan import EpochPlan, Shares


def test_epoch_leaves_out_what_the_devices_cannot_share(prepared):
    shares = Shares(devices=3)
    settings = TrainingConfig(epochs=1, batch_size=30, devices=3)
    plan = EpochPlan.for_training(prepared.splits["train"], settings, shares)
    assert (plan.examples, plan.steps, plan.batch(4)) == (126, 5, slice(120, 126))
    assert plan.for_validation(prepared.splits["validation"]).examples == 30  # of 32


def test_fewer_images_than_devices_are_refused(prepared):
    few = TrainingConfig(epochs=1, batch_size=30, devices=3, examples_per_epoch=2)
    with pytest.raises(ConfigError, match=r"training\.devices is 3, .* 2 images; use fewer"):
        EpochPlan.for_training(prepared.splits["train"], few, Shares(devices=3))
