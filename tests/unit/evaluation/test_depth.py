import pytest

from sightline.config import EvaluationConfig
from sightline.evaluation import depth


class Counted:
    """Stands for the records: counts of images, and epochs."""

    def __init__(self, train=0, test=0, epochs=0):
        self.splits = {"train": self, "test": Split(test)}
        self.count, self.epochs = train, epochs


class Split:
    def __init__(self, count):
        self.count = count


def limited(train, test, epochs, features=None, **settings):
    counted = Counted(train, test, epochs)
    return depth.limited(EvaluationConfig(**settings), counted, counted, features)


def test_robustness_costs_fifteen_percent_of_the_training():
    """3 * 10 * 4,000 predictions, 15 % of them 18,000, less those of both splits; 36 an image."""
    assert limited(4_000, 1_000, 10).robustness_images == (18_000 - 4_000 - 1_000) // 36
    searched = limited(4_000, 1_000, 10, label_error_threshold=1)
    assert searched.robustness_images == (18_000 - 1_000) // 36


def test_long_training_takes_as_many_images_as_the_settings_allow():
    assert limited(60_000, 10_000, 30).robustness_images == 1_000
    assert limited(60_000, 10_000, 30, robustness_images=70).robustness_images == 70


def test_short_training_keeps_fifty_images_unless_there_should_be_fewer():
    assert limited(100, 1_000, 1).robustness_images == 50
    assert limited(100, 1_000, 1, robustness_images=0).robustness_images == 0


def test_cached_features_make_a_training_cheap():
    assert limited(20_000, 100, 50, features=object()).robustness_images == (3_000 - 100) // 36


@pytest.mark.parametrize("level", ["quick", "full"])
def test_quick_leaves_out_and_full_takes_everything(level):
    found = limited(100, 1_000, 1, depth=level)
    everything = EvaluationConfig(depth="full")
    assert (found == everything) == (level == "full")
    off = (found.robustness_images, found.saliency_images, found.label_error_threshold)
    assert (off == (0, 0, 1)) == (level == "quick")
