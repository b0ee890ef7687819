import re

import pytest

from paired_answers import certificate, scores
from sightline.evaluation.calibration import reliability
from sightline.records import Criterion
from sightline.registry.gate import criteria, paired_tests, recall
from sightline.registry.gate.paired_tests import Pairs
from sightline.registry.gate.scores import Timing

NO_EXPORTS = certificate().model_copy(update={"exports": ()})


def test_clear_gain_passes_with_its_numbers():
    found = criteria.mcnemar(Pairs(62, 31, 10_000), 0.05)
    expected = (True, paired_tests.mcnemar(62, 31), 0.05)
    assert (not found.failed, found.measured, found.limit) == expected
    for number in ("10,000", "62", "31", "p = 0.00086", "0.05"):
        assert number in found.sentence


@pytest.mark.parametrize("pairs", [(30, 25, 1000), (0, 0, 10), (25, 30, 1000), (0, 1, 1)])
def test_unclear_gain_fails_with_the_number_of_images_that_would_show_it(pairs):
    found = criteria.mcnemar(Pairs(*pairs), 0.05)
    assert found.failed
    shown = "about 6,400 test images" if pairs[0] > pairs[1] else "no sign of a gain"
    assert shown in found.sentence


def test_recall_of_all_classes_passes_with_the_least_certain_one():
    found = recall.class_recall(scores((5, 4, 991), (3, 5, 992)), 0.05, 0.02)
    low = float(paired_tests.lower_ends(Pairs(3, 5, 1000), 0.05))
    assert (not found.failed, found.measured, found.limit) == (True, pytest.approx(low), -0.02)
    assert recall.class_recall(scores((0, 0, 9), (0, 0, 0)), 0.05, 0.02).measured == -1.0
    assert "“1”: at most 0.76 on 1,000 test images" in found.sentence


@pytest.mark.parametrize(
    ("by_class", "text"),
    [
        (
            [(0, 0, 1000), (2, 52, 946)],
            r"“1” lost 5 points.* on 1,000 test images.*promotion\.recall_margin allows 2",
        ),
        ([(0, 0, 1000), (0, 0, 100)], r"about 140 of this class.*promotion\.recall_margin=0\.027"),
        ([(0, 0, 1000), (1, 0, 9)], "lost 0 points of recall on 10 test images"),
        ([(0, 0, 9), (0, 0, 1)], "on 1 test image but"),
        ([(9, 0, 991), (0, 0, 0)], r"“1”.*at least 133 test images.*promotion\.recall_margin=1"),
        (
            [(0, 9, 91), (0, 0, 5000), (0, 30, 70)],
            "“2” lost 30 points.* on 100 test images.* 2 failing classes of 3",
        ),
    ],
)
def test_failing_class_is_named_with_what_would_help(by_class, text):
    criterion = recall.class_recall(scores(*by_class), 0.05, 0.02)
    assert criterion.failed
    assert re.search(text, criterion.sentence)


def test_suggested_images_or_margins_suffice():
    assert not recall.class_recall(scores((0, 0, 1000), (0, 0, 133)), 0.05, 0.02).failed
    assert not recall.class_recall(scores((0, 0, 1000), (0, 0, 100)), 0.05, 0.027).failed
    assert not recall.class_recall(scores((9, 0, 991), (0, 0, 0)), 0.05, 1.0).failed


@pytest.mark.parametrize(("lost", "passed"), [(0, True), (3, True), (9, False), (20, False)])
def test_margin_widens_to_what_the_images_of_a_class_can_tell(lost, passed):
    """Two hundred images a class, of which a dozen differ by chance."""
    classes = [(3, 3, 194)] * 9
    found = recall.class_recall(scores(*classes, (3, 3 + lost, 194 - lost)), 0.05, 0.02, 0.9)
    assert found.failed is not passed
    assert found.limit == pytest.approx(-0.06, abs=0.01)
    assert "promotion.recall_power=0" in found.sentence
    strict = recall.class_recall(scores(*classes, (3, 3 + lost, 194 - lost)), 0.05, 0.02)
    assert (strict.failed, strict.limit) == (True, -0.02)


def test_class_may_lose_what_all_test_images_gain_for_certain():
    found = recall.class_recall(scores((1000, 0, 4000), (0, 200, 4800)), 0.05, 0.02, 0.9)
    assert (found.failed, found.limit) == (False, pytest.approx(-0.074, abs=0.003))
    assert recall.class_recall(scores((1000, 0, 4000), (0, 200, 4800)), 0.05, 0.02).failed


def test_class_without_test_images_fails_however_wide_the_margins():
    found = recall.class_recall(scores((9, 0, 91), (0, 0, 0)), 0.05, 0.02, 0.9)
    assert found.failed
    assert "at least 49 test images" in found.sentence


def test_candidate_that_breaks_nothing_passes_however_few_images_a_class_has():
    found = recall.class_recall(scores((9, 0, 91), (0, 0, 50), (0, 0, 5)), 0.05, 0.02, 0.9)
    assert not found.failed
    assert recall.class_recall(scores((9, 0, 91), (0, 2, 3)), 0.05, 0.02, 0.9).failed


def test_hostile_class_name_is_escaped_and_shortened():
    name = "{0.__class__} %s <b>\x1b[31m" + "x" * 500
    found = recall.class_recall(scores((0, 0, 9), (0, 0, 8), names=("cat", name)), 0.05, 0.02)
    assert "“{0.__class__} %s <b>\\x1b[31m" in found.sentence
    assert found.sentence.isprintable()
    assert len(found.sentence) < 400


@pytest.mark.parametrize(("confidence", "growth"), [(0.895, 0.005), (0.95, -0.05), (0.8, 0.1)])
def test_calibration_error_may_grow_by_the_margin(confidence, growth):
    """All ten are right: the error is 1 less the confidence, 0.1 for the champion."""
    found = criteria.calibration(scores((0, 0, 5), (0, 0, 5), confidence=confidence), 0.01)
    assert found.failed is (growth >= 0.01)
    assert found.measured == pytest.approx(growth, abs=1e-6)
    assert ("training.label_smoothing" in found.sentence) is found.failed


def test_calibration_is_measured_as_in_the_report():
    found = scores((3, 1, 20), (0, 2, 9))
    models = (found.candidate, found.champion)
    error, before = (reliability(model.confidence, model.correct, 15)[1] for model in models)
    assert criteria.calibration(found, 0.01).measured == pytest.approx(error - before)


def test_latency_is_compared_with_the_champions():
    found = criteria.latency(Timing(candidate_seconds=0.0012, champion_seconds=0.001), 1.5)
    assert (not found.failed, found.measured) == (True, pytest.approx(1.2))
    slow = criteria.latency(Timing(candidate_seconds=0.0016, champion_seconds=0.001), 1.5)
    assert slow.failed
    assert "promotion.latency_factor" in slow.sentence


def test_gain_must_exceed_the_seed_noise_if_it_was_measured():
    pairs = Pairs(30, 20, 1000)
    assert criteria.noise(pairs, 0.0099).outcome == "passed"
    found = criteria.noise(pairs, 0.01)
    assert (found.failed, found.measured, found.limit) == (True, 0.01, 0.01)
    unknown = criteria.noise(pairs, None)
    assert (unknown.outcome, unknown.measured, unknown.limit) == ("skipped", None, None)
    assert "`sightline train --seeds 5`" in unknown.sentence


@pytest.mark.parametrize(("passed", "outcome"), [(True, "passed"), (False, "failed")])
def test_criteria_of_older_records_are_read(passed, outcome):
    older = {"name": "mcnemar", "passed": passed, "sentence": "It was."}
    found = Criterion.model_validate(older)
    assert (found.outcome, found.failed) == (outcome, not passed)
    assert "passed" not in found.model_dump()


@pytest.mark.parametrize(
    ("exports", "expected", "text"),
    [
        (certificate(), (True, 2e-7, 1e-5), "(keras, onnx)"),
        (
            certificate(keras=0.0, litert=0.25, onnx=3e-4),
            (False, 0.25, 1e-5),
            ": litert by 0.25, onnx by 0.0003; export.tolerance allows 1e-05",
        ),
        (None, (False, None, None), "promotion.gate=report"),
        (NO_EXPORTS, (False, None, None), "promotion.gate=report"),
    ],
    ids=["all agree", "two differ", "no certificate", "no exports"],
)
def test_all_exports_must_agree(exports, expected, text):
    found = criteria.certificate(exports)
    assert (not found.failed, found.measured, found.limit) == expected
    assert text in found.sentence


@pytest.mark.parametrize(
    ("right", "total", "low"), [(81, 263, 0.2553), (15, 148, 0.0624), (1, 29, 0.0061)]
)
def test_lower_end_of_the_accuracy_is_the_published_one(right, total, low):
    """Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I."""
    found = criteria.baseline(right, [total - 1, 1], 0.025)
    assert found.measured == pytest.approx(low, abs=6e-5)


def test_first_model_must_beat_the_majority_class_and_reach_the_minimum():
    found = criteria.baseline(60, [50, 30, 20], 0.05)
    assert (not found.failed, found.limit) == (True, 0.5)
    assert criteria.baseline(57, [50, 30, 20], 0.05).failed
    for counts in ([1, 0], [10, 0]):  # a single class shows nothing
        assert criteria.baseline(sum(counts), counts, 0.05).failed
    assert criteria.minimum_accuracy(0.9, 0.9).outcome == "passed"
    found = criteria.minimum_accuracy(0.8999, 0.9)
    assert found.failed
    assert "promotion.minimum_accuracy" in found.sentence
