import pytest

from reported_runs import IN_DEPTH, NO_FIGURES, numbers, with_evaluation
from sightline.records import LabelErrors, Robustness
from sightline.reporting import depth, summary

ROBUSTNESS, LABEL_ERRORS = IN_DEPTH["robustness"], IN_DEPTH["label_errors"]


@pytest.fixture
def pictures():
    return NO_FIGURES


def measured(manifest, tested: int, checked: int, **settings):
    """Change how many images were taken, and the settings of the evaluation."""
    robustness = Robustness(**dict(ROBUSTNESS) | {"images": tested})
    errors = LabelErrors(**dict(LABEL_ERRORS) | {"examined": checked})
    config = manifest.config
    evaluation = config.evaluation.model_copy(update={"saliency_images": 0} | settings)
    config = config.model_copy(update={"evaluation": evaluation})
    changed = with_evaluation(manifest, robustness=robustness, label_errors=errors)
    return changed.model_copy(update={"config": config})


def test_samples_are_named_with_their_sizes_on_the_report_and_in_the_summary(manifest):
    sampled = measured(manifest, 20, 100)
    assert numbers(depth.left_out(sampled)) == ["20", "40", "100", "160"]
    assert "evaluation.depth=full" in depth.left_out(sampled)
    assert depth.describe(sampled).startswith("standard: ")


def test_complete_measures_leave_nothing_to_say(manifest):
    assert depth.left_out(measured(manifest, 40, 160)) == ""
    assert depth.describe(measured(manifest, 40, 160)) == "standard"
    fewer_wanted = measured(manifest, 20, 160, robustness_images=20)
    assert depth.left_out(fewer_wanted) == ""


def test_measures_that_were_left_out_are_named_unless_they_are_off(manifest):
    none = with_evaluation(manifest, robustness=None, label_errors=None, saliency=None)
    assert "without corruption robustness, saliency maps and label errors" in depth.left_out(none)
    off = measured(none, 40, 160, robustness_images=0, label_error_threshold=1.0)
    off = with_evaluation(off, robustness=None, label_errors=None)
    assert depth.left_out(off) == ""
    assert depth.describe(measured(none, 40, 160, depth="quick")).startswith("quick")


def test_label_errors_of_a_sample_have_the_interval_of_all_training_images(manifest):
    sentence = summary.label_errors(measured(manifest, 40, 100))
    assert numbers(sentence) == ["7", "100", "160", "3.43%", "13.75%", "95%"]
    assert "at random" in sentence
