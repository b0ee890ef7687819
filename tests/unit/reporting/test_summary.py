import pytest

import paired_answers
from reported_runs import FILE, IN_DEPTH, NO_FIGURES, numbers, with_evaluation, with_records
from sightline.data.decoding import image_kinds
from sightline.records import (
    Calibration,
    Check,
    CoveragePoint,
    DataGateResult,
    Inspection,
    LinearReference,
    RunComparison,
    Spread,
)
from sightline.reporting import summary, tables


@pytest.fixture
def pictures():
    return NO_FIGURES


def test_quality_gives_the_correct_images_the_balanced_accuracy_and_the_references(manifest):
    linear = LinearReference(accuracy=0.6, balanced_accuracy=0.5, training_images=1600, side=8)
    measured = with_evaluation(manifest, balanced_accuracy=0.5, linear_reference=linear)
    expected = ["37", "40", "50.00%", "25.00%", "1,600", "8", "8", "60.00%"]
    assert numbers(summary.quality(measured)) == expected
    assert numbers(summary.quality(manifest)) == ["37", "40", "25.00%"]


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([(0, 1, 0.925), (0.8, 0.9, 0.94), (0.9, 0.7, 0.951), (0.99, 0.3, 1)], ["0.9", "70.00%"]),
        ([(0, 1, 0.925), (0.99, 0.1, 1)], []),
        ([], []),
    ],
)
def test_abstaining_states_the_most_images_that_reach_the_next_usual_accuracy(
    manifest, points, said
):
    coverage = [CoveragePoint(threshold=t, coverage=c, accuracy=a) for t, c, a in points]
    measured = with_evaluation(manifest, coverage=tuple(coverage)).records.evaluate
    assert numbers(summary.abstaining(measured))[:2] == said


def test_reading_states_the_origin_and_a_few_decisions_that_the_gate_does_not_state(manifest):
    kinds = {".nef": 40}
    left_out = image_kinds.describe_left_out(kinds)
    decided = (*left_out, *(f"Decision {number}." for number in range(6)))
    files = manifest.records.ingest.model_copy(update={"left_out": kinds, "decisions": decided})
    first, *shown = summary.reading(with_records(manifest, ingest=files))
    assert "NPZ archive; train: 160 (array x_train), test: 40 (array x_test)" in first
    assert "labels: array y_train" in first
    assert shown == [*decided[:5], "2 more."]
    check = Check(name="left_out", outcome="warned", measured=0.5, limit=0.01, sentence="x")
    warned = with_records(manifest, ingest=files, gate=DataGateResult(checks=(check,)))
    assert summary.reading(warned)[1:] == [*decided[1:6], "1 more."]


@pytest.mark.parametrize(("count", "said"), [(0, []), (1, ["1"]), (7, ["7"])])
def test_leaks_are_counted_only_with_an_inspection(manifest, count, said):
    found = Inspection(profiles={}, affected={"leak": {"train": 0, "test": count}}, findings=FILE)
    ingest = manifest.records.ingest.model_copy(update={"inspection": found})
    assert numbers(summary.leaks(with_records(manifest, ingest=ingest))) == said
    ingest = ingest.model_copy(update={"inspection": None})
    assert summary.leaks(with_records(manifest, ingest=ingest)) == ""


def test_certainty_gives_the_interval_and_the_seed_noise(manifest):
    interval = ["40", "95%", "80.14%", "97.42%"]
    assert numbers(summary.certainty(manifest)) == interval
    noise = Spread(
        values=(0.92, 0.93), mean=0.925, deviation=0.007, half_width=0.0635, difference=0.0123
    )
    text = summary.certainty(manifest.model_copy(update={"seed_noise": noise}))
    assert numbers(text) == [*interval, "2", "92.50%", "1.23", "95%"]


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"fixed": 30, "broken": 5, "p_value": 0.00003}, "Better"),
        ({"fixed": 5, "broken": 30, "p_value": 0.00003}, "Worse"),
        ({"fixed": 6, "broken": 5, "p_value": 1.0}, "No significant difference"),
        ({"fixed": 0, "broken": 0, "p_value": 1.0}, "The same test images"),
        ({}, "Not comparable"),
    ],
)
def test_change_is_called_better_or_worse_only_if_it_is_significant(manifest, changes, start):
    before = RunComparison(run_id="the-last", recipe="fast", accuracy=0.9, loss=0.2)
    compared = before.model_copy(update=changes)
    text = summary.progress(manifest.model_copy(update={"compared": compared}))
    assert text.startswith(start)
    assert "90.00% before, 92.50% now (run the-last)" in text
    if p_value := changes.get("p_value"):
        images = summary.test_images(manifest.records.evaluate)
        named = f"(p = {p_value:g}, n = {images})" in text
        assert named is not text.startswith("The same test images")


def test_first_run_is_compared_with_nothing(manifest):
    assert numbers(summary.progress(manifest)) == []
    assert summary.champion(manifest) == ""


def test_champion_that_is_not_the_previous_run_is_compared_too(manifest):
    counts = {"fixed": 5, "broken": 30, "p_value": 0.00003}
    best = RunComparison(run_id="the-best", recipe="fast", accuracy=0.95, loss=0.2, **counts)
    text = summary.champion(manifest.model_copy(update={"champion": best}))
    assert text.startswith("Worse than the champion (p = 3e-05")
    assert "95.00% before, 92.50% now (run the-best)" in text


def test_temperature_scaling_gives_its_numbers(manifest):
    measured = with_evaluation(manifest, **IN_DEPTH).records.evaluate
    assert numbers(summary.temperature(measured)) == ["1.250", "50", "1.23%", "0.1234", "0.1000"]
    untuned = measured.model_copy(update={"calibration": Calibration(bins=(), error=0.1)})
    assert "preprocessing.validation_fraction" in summary.temperature(untuned)


def test_label_errors_state_how_many_labels_the_network_trained_on(manifest):
    assert summary.label_errors(manifest) == ""
    checked = with_evaluation(manifest, label_errors=IN_DEPTH["label_errors"])
    assert numbers(summary.label_errors(checked)) == ["7", "160", "95%", "120"]
    arrays = checked.records.preprocess
    whole = arrays.splits["train"].model_copy(update={"labels": arrays.splits["train"].images})
    arrays = arrays.model_copy(update={"splits": {"train": whole}})
    found = summary.label_errors(with_records(checked, preprocess=arrays))
    assert numbers(found) == ["7", "160", "95%"]


def test_exports_that_disagree_are_named():
    certificate = paired_answers.certificate(keras=1e-7)
    assert "1.0e-07" in summary.exports(certificate)
    (agrees,) = certificate.exports
    failed = agrees.model_copy(update={"format": "onnx", "passed": False, "problem": "Crash."})
    certificate = certificate.model_copy(update={"exports": (agrees, failed)})
    assert summary.exports(certificate).startswith("onnx disagrees")
    outcomes = {row["Format"]: row["Outcome"] for row in tables.exports(certificate).records()}
    assert outcomes == {"keras": "passed", "onnx": "failed (Crash.)"}
    assert not certificate.passed
