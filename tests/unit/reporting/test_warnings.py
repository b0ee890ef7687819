import re

import pytest

from reported_runs import IN_DEPTH, NO_FIGURES, numbers, with_evaluation, with_records
from sightline.records import Check, CorruptionMetrics, DataGateResult, LinearReference, Robustness
from sightline.reporting import model_card, summary, warnings


@pytest.fixture
def pictures():
    return NO_FIGURES


def test_run_without_faults_has_no_warnings(manifest):
    classes = tuple(
        row.model_copy(update={"f1": 0.99}) for row in manifest.records.evaluate.classes
    )
    assert warnings.list_warnings(with_evaluation(manifest, classes=classes), str) == []


def test_model_that_predicts_one_class_is_found_out(manifest):
    blind = with_evaluation(
        manifest,
        accuracy=0.25,
        accuracy_interval=(0.1419, 0.4019),
        confusion=((10, 0, 0, 0), (10, 0, 0, 0), (10, 0, 0, 0), (10, 0, 0, 0)),
    )
    first, never, *_ = warnings.list_warnings(blind, str.upper)
    assert blind.records.evaluate.classes[0].class_name.upper() in first
    assert numbers(never) == ["3", "4"]
    assert "“B”, “C”, “D”" in never


def test_many_classes_that_are_never_predicted_are_counted(manifest):
    one = manifest.records.evaluate.classes[0]
    classes = tuple(one.model_copy(update={"class_name": f"c{number}"}) for number in range(9))
    row = (1, 1, *[0] * 7)
    found = warnings.list_warnings(
        with_evaluation(manifest, classes=classes, confusion=(row,) * 9), str
    )
    assert ["7", "9", *"234562"] in [re.findall(r"\d", warning) for warning in found]


def test_model_that_may_be_no_better_than_the_baseline_is_found_out(manifest):
    def found(low):
        return warnings.list_warnings(with_evaluation(manifest, accuracy_interval=(low, 1)), str)

    assert len(found(0.25)) == len(found(0.26)) + 1


def test_model_that_a_linear_model_equals_is_found_out(manifest):
    linear = LinearReference(accuracy=0.925, balanced_accuracy=0.9, training_images=160, side=8)
    better, equal = (
        warnings.list_warnings(
            with_evaluation(manifest, accuracy=accuracy, linear_reference=linear), str
        )
        for accuracy in (0.93, 0.925)
    )
    assert [numbers(one) for one in equal if one not in better] == [["160", "8", "8", "92.50%"]]


def test_warnings_name_data_class_calibration_corruption_and_labels(manifest):
    passed = Check(name="blank", outcome="passed", measured=0, limit=0, sentence="No blank ones.")
    warned = passed.model_copy(update={"outcome": "warned", "sentence": "2 images are blank."})
    gate = DataGateResult(checks=(passed, warned))
    faulty = with_records(with_evaluation(manifest, **IN_DEPTH), gate=gate)
    found = warnings.list_warnings(faulty, str.upper)
    assert [numbers(warning) for warning in found] == [
        ["2"],
        ["1", "0.6500"],
        ["9.00%"],
        ["2", "5", "20.00%"],
        ["7", "160"],
    ]
    assert "2 IMAGES ARE BLANK." in found[0]
    assert "“D”" in found[1]
    assert "noise" in found[3]
    assert summary.data_gate(gate) == "1 of 2 checks warned: blank"


def test_checks_that_did_not_run_are_not_counted_as_passed():
    blank = Check(name="blank", outcome="passed", measured=0, limit=0, sentence="No blank ones.")
    drift = Check(name="drift", outcome="skipped", measured=None, limit=0, sentence="First run.")
    off = blank.model_copy(update={"name": "leaks", "outcome": "off"})
    found = summary.data_gate(DataGateResult(checks=(blank, drift, off)))
    assert found == "the only check passed; skipped: drift"
    assert summary.data_gate(DataGateResult(checks=(drift, off))) == "no check ran; skipped: drift"


def test_negatives_are_no_alarm(manifest):
    rows = {"inversion": (0.5, 0.1, 0.1, 0.1, 0.1), "noise": (0.9, 0.8, 0.1, 0.1, 0.1)}
    corruptions = tuple(
        CorruptionMetrics(corruption=name, accuracies=shares) for name, shares in rows.items()
    )
    measured = Robustness(images=20, accuracy=0.95, corruptions=corruptions)
    run = with_evaluation(manifest, robustness=measured)
    assert not [one for one in warnings.list_warnings(run, str) if one.startswith("Mild")]
    assert "most harmful corruption is “noise”" in model_card.render_model_card(run)


@pytest.mark.parametrize(
    ("learned", "tested", "diagnosis"),
    [
        (0.999, 0.78, "overfits.*99.90%.*78.00%"),
        (0.4, 0.39, "underfits.*40.00%.*39.00%"),
        (0.95, 0.9, None),
        (0.5, 0.9, None),
        (None, 0.9, None),
    ],
)
def test_gap_between_training_and_test_accuracy_is_diagnosed(manifest, learned, tested, diagnosis):
    fitted = manifest.records.train.model_copy(update={"accuracy": learned})
    run = with_records(with_evaluation(manifest, accuracy=tested), train=fitted)
    found = [one for one in warnings.list_warnings(run, str) if "fits" in one]
    assert len(found) == (diagnosis is not None)
    assert all(re.search(diagnosis, one) for one in found)
