import pytest

from sightline.config import EvaluationConfig
from sightline.evaluation import depth
from sightline.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from sightline.evaluation.depth import FULL, Cost

SMALL = Cost(10**7, 10**7, 10**9)  # Multiplications of a small network


class Counted:
    """Stands for the records: counts of images, views, and images that the fit trained on."""

    def __init__(self, examples=0, views=None, **counts):
        self.splits = {name: Counted(count, views) for name, count in counts.items()}
        self.count = self.examples = examples
        self.views = views


def limits(examples, cost=SMALL, views=None, test=1_000, **settings):
    arrays = Counted(train=4_000, test=test)
    features = Counted(views=views, train=4_000) if views else None
    config = EvaluationConfig(**settings)
    return depth.limits(config, arrays, cost, Counted(examples), features)


def spent(found, cost, test=1_000):
    measures = found.saliency * cost.map + found.label_errors * cost.features
    measures += found.robustness * depth.VERSIONS * cost.image
    return measures + test * cost.features + found.served * cost.image


@pytest.mark.parametrize("examples", [25_000, 40_000, 100_000])
def test_all_measures_together_cost_fifteen_percent_of_the_training(examples):
    assert len(CORRUPTIONS) * len(SEVERITIES) + 1 == depth.VERSIONS
    found = limits(examples)
    training = 3 * examples * SMALL.image
    assert 0.1 < spent(found, SMALL) / training <= 0.11 or found.robustness == 1_000
    assert found.label_errors <= 4_000
    assert found.robustness >= 40


def test_long_training_takes_as_many_images_as_the_settings_allow():
    found = limits(10_000_000)
    assert (found.saliency, found.label_errors, found.robustness) == (8, 4_000, 1_000)
    asked = limits(10_000_000, saliency_images=0, label_error_threshold=1, robustness_images=70)
    assert (asked.saliency, asked.label_errors, asked.robustness) == (0, 0, 70)


def test_short_training_keeps_a_sample_and_a_large_network_leaves_measures_out():
    short = limits(1_000)
    assert spent(short, SMALL) <= 60 * 10**9 + 1_016 * SMALL.image
    assert 500 <= short.label_errors < 4_000
    large = Cost(4 * 10**8, 4 * 10**8, 4 * 10**8)
    found = limits(1_000, large)
    assert (found.label_errors, found.robustness) == (0, 0)
    assert found.saliency == 8, "class activation maps cost a prediction each"


def test_cached_features_make_a_training_and_its_label_errors_cheap():
    with_features = Cost(4 * 10**8, 10**7, 4 * 10**8)
    found = limits(40_000, with_features, views=2, test=100)
    training = 3 * 40_000 * 10**7 + (8_000 + 4_100) * 39 * 10**7 / 3
    assert found.label_errors == 4_000
    assert spent(found, with_features, 100) < 0.15 * training
    assert limits(40_000, with_features, views=2, test=5_000).label_errors == 4_000
    assert found.robustness == 0, "a sample that could say something is not affordable"


@pytest.mark.parametrize("level", ["quick", "full"])
def test_quick_leaves_out_and_full_takes_everything(level):
    found = limits(1_000, depth=level)
    measures = (found.saliency, found.label_errors, found.robustness)
    assert measures == ((8, FULL.label_errors, 1_000) if level == "full" else (0, 0, 0))
    assert (found[3:] == FULL[3:]) == (level == "full")


def test_model_that_was_trained_elsewhere_is_measured_in_full():
    arrays = Counted(test=1_000)
    settings = EvaluationConfig(label_error_threshold=1)
    found = depth.limits(settings, arrays, SMALL, None, None)
    assert (found.saliency, found.label_errors, found.robustness) == (8, 0, 1_000)
