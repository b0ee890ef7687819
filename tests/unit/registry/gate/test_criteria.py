import pytest

from paired_answers import certificate, scores
from sightline.evaluation.calibration import reliability
from sightline.registry.gate import criteria, paired_tests
from sightline.registry.gate.paired_tests import Pairs


def test_clear_gain_passes_with_its_numbers() -> None:
    found = criteria.mcnemar(Pairs(62, 31, 10_000), 0.05)
    assert found.passed
    assert found.measured == paired_tests.mcnemar(62, 31)
    assert found.limit == 0.05
    assert found.sentence == (
        "Of 10,000 test images it has 62 right that the champion has wrong, and 31 wrong that the "
        "champion has right: a model that is no better does as well with p = 0.00086, at most 0.05 "
        "is allowed."
    )


def test_unclear_gain_fails_with_the_images_that_would_show_it() -> None:
    found = criteria.mcnemar(Pairs(30, 25, 1000), 0.05)
    assert not found.passed
    assert found.sentence.endswith(
        "with p = 0.3, more than the allowed 0.05. If it is better by as much as it looks, about "
        "6,400 test images would show it."
    )


@pytest.mark.parametrize("pairs", [Pairs(0, 0, 10), Pairs(25, 30, 1000), Pairs(0, 1, 1)])
def test_model_without_a_gain_fails(pairs: Pairs[int]) -> None:
    found = criteria.mcnemar(pairs, 0.05)
    assert not found.passed
    assert found.sentence.endswith(": nothing says that it is better.")


def test_single_image_never_suffices() -> None:
    assert criteria.mcnemar(Pairs(1, 0, 1), 0.05).measured == 0.5


def test_interval_must_lie_above_zero() -> None:
    found = criteria.bootstrap((0.0016, 0.0046), 0.05)
    assert (found.passed, found.measured, found.limit) == (True, 0.0016, 0)
    assert "+0.16 to +0.46 points from the champion's (90% interval): all above 0" in found.sentence
    for low in (0.0, -0.001):
        found = criteria.bootstrap((low, 0.0046), 0.01)
        assert not found.passed
        assert "(98% interval): not all above 0" in found.sentence


def test_calibration_may_grow_by_the_margin() -> None:
    # All ten right: the error is 1 less the confidence, 0.1 for the champion.
    for confidence, growth, passed in (
        (0.895, 0.005, True),
        (0.95, -0.05, True),
        (0.8, 0.1, False),
    ):
        found = criteria.calibration(scores((0, 0, 5), (0, 0, 5), confidence=confidence), 0.01)
        assert found.passed is passed
        assert found.measured == pytest.approx(growth, abs=1e-6)
        assert ("training.label_smoothing" in found.sentence) is not passed
    assert "error is 20.00%, the champion's 10.00%; it may be larger by 1 points" in found.sentence


def test_calibration_is_measured_like_that_of_the_report() -> None:
    one = scores((3, 1, 20), (0, 2, 9))
    found = criteria.calibration(one, 0.01)
    errors = [
        reliability(model.probability, model.predicted == one.labels, 15)[1]
        for model in (one.candidate, one.champion)
    ]
    assert found.measured == pytest.approx(errors[0] - errors[1])


def test_latency_is_held_against_the_champions() -> None:
    found = criteria.latency(0.0012, 0.001, 1.5)
    assert found.passed
    assert found.measured == pytest.approx(1.2)
    assert found.sentence == (
        "One image takes it 1.2 ms, the champion 1 ms (medians): 1.20 times as long, allowed 1.5."
    )
    slow = criteria.latency(0.0016, 0.001, 1.5)
    assert not slow.passed
    assert slow.sentence.endswith("; a smaller network is faster.")


def test_gain_must_exceed_what_two_seeds_differ_by() -> None:
    pairs = Pairs(30, 20, 1000)
    assert criteria.noise(pairs, 0.0099).passed
    found = criteria.noise(pairs, 0.01)
    assert not found.passed
    assert (found.measured, found.limit) == (0.01, 0.01)
    assert found.sentence == (
        "Its accuracy differs by +1 points from the champion's, not more than the 1 by which two "
        "seeds of its recipe differ."
    )


def test_noise_that_was_not_measured_is_said_so() -> None:
    found = criteria.noise(Pairs(1, 0, 10), None)
    assert found.passed
    assert (found.measured, found.limit) == (None, None)
    assert "`sightline train --seeds 5` does" in found.sentence


def test_exports_that_agree_pass() -> None:
    found = criteria.certificate(certificate())
    assert found.passed
    assert (found.measured, found.limit) == (2e-7, 1e-5)
    assert found.sentence == (
        "All exported forms (keras, onnx) agree on 1,000 images to within 2e-07, allowed 1e-05."
    )


def test_exports_that_differ_are_named() -> None:
    found = criteria.certificate(certificate(keras=0.0, litert=0.25, onnx=3e-4))
    assert not found.passed
    assert found.measured == 0.25
    assert "litert by 0.25, onnx by 0.0003; promotion allows 1e-05" in found.sentence
    assert "keras" not in found.sentence


def test_nothing_exported_is_nothing_shown() -> None:
    for nothing in (None, certificate().model_copy(update={"exports": ()})):
        found = criteria.certificate(nothing)
        assert not found.passed
        assert "train with promotion.gate=report" in found.sentence
