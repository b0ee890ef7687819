import pytest

from sightline.records import (
    Calibration,
    Check,
    CorruptionMetrics,
    DataGateResult,
    FileRecord,
    Inspection,
    LabelErrors,
    ReliabilityBin,
    Robustness,
    RunComparison,
    Spread,
)
from sightline.records.manifest import RunManifest
from sightline.reporting import summary


def with_evaluation(manifest: RunManifest, **changes: object) -> RunManifest:
    evaluation = manifest.records.evaluate.model_copy(update=changes)
    records = manifest.records.model_copy(update={"evaluate": evaluation})
    return manifest.model_copy(update={"records": records})


def compared(manifest: RunManifest, **changes: object) -> str:
    before = RunComparison(run_id="the-last", recipe="fast", accuracy=0.9, loss=0.2)
    update = {"compared": before.model_copy(update=changes)}
    return summary.progress(manifest.model_copy(update=update))


def test_quality_is_told_beside_a_blind_guess(manifest: RunManifest) -> None:
    text = summary.quality(manifest)
    assert "the right class for 37 of 40 test images" in text
    assert "the most frequent class would get 25.00%" in text


def test_test_images_that_were_trained_on_are_not_called_unseen(manifest: RunManifest) -> None:
    for count, expected in (
        (0, "40 test images, none of which it had seen before;"),
        (1, "40 test images, 1 of which equals a training image;"),
        (7, "40 test images, 7 of which equal training ones;"),
    ):
        assert expected in summary.quality(with_leaks(manifest, count))


def with_leaks(manifest: RunManifest, count: int) -> RunManifest:
    found = Inspection(
        profiles={},
        affected={"leak": {"train": 0, "test": count}},
        findings=FileRecord(path="findings.parquet", sha256="a" * 64, bytes=1),
    )
    ingest = manifest.records.ingest.model_copy(update={"inspection": found})
    records = manifest.records.model_copy(update={"ingest": ingest})
    return manifest.model_copy(update={"records": records})


def test_certainty_is_that_of_the_interval(manifest: RunManifest) -> None:
    text = summary.certainty(manifest)
    assert "As far as 40 images tell" in text
    assert "between 80.14% and 97.42%" in text


def test_seed_noise_is_told_where_it_is_known(manifest: RunManifest) -> None:
    noise = Spread(
        values=(0.92, 0.93), mean=0.925, deviation=0.007, half_width=0.0635, difference=0.0123
    )
    text = summary.certainty(manifest.model_copy(update={"seed_noise": noise}))
    assert "Of 2 trainings that differ in their seed alone, the mean is 92.50%" in text
    assert "by up to 1.23 points by chance" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fixed": 30, "broken": 5, "p_value": 0.00003}, "Better than the run before: 90.00%"),
        ({"fixed": 5, "broken": 30, "p_value": 0.00003}, "Worse than the run before: 90.00%"),
        ({"fixed": 6, "broken": 5, "p_value": 1.0}, "Neither better nor worse than the run"),
        ({"fixed": 0, "broken": 0, "p_value": 1.0}, "Every prediction is as right or wrong as"),
        ({}, "or whose predictions cannot be read: 90.00% before, 92.50% now (run the-last)"),
    ],
)
def test_progress_is_told_and_chance_is_not_taken_for_it(
    manifest: RunManifest, changes: dict[str, object], expected: str
) -> None:
    assert expected in compared(manifest, **changes)


def test_first_run_says_that_there_is_none_before(manifest: RunManifest) -> None:
    assert summary.progress(manifest).startswith("There is no earlier run")


def test_run_without_faults_leaves_no_doubts(manifest: RunManifest) -> None:
    classes = tuple(
        row.model_copy(update={"f1": 0.99}) for row in manifest.records.evaluate.classes
    )
    assert summary.doubts(with_evaluation(manifest, classes=classes), str) == []


def test_model_that_names_one_class_alone_is_found_out(manifest: RunManifest) -> None:
    blind = with_evaluation(
        manifest,
        accuracy=0.25,
        accuracy_interval=(0.1419, 0.4019),
        confusion=((10, 0, 0, 0), (10, 0, 0, 0), (10, 0, 0, 0), (10, 0, 0, 0)),
    )
    first, second, *_ = summary.doubts(blind, str)
    assert "the model may have learnt nothing" in first
    assert second == "It never names 3 of 4 tested classes: “b” and others."


def test_what_looks_wrong_is_listed(manifest: RunManifest) -> None:
    bins = (ReliabilityBin(low=0, high=1, images=40, confidence=0.99, accuracy=0.9),)
    table = FileRecord(path="doubts.parquet", sha256="a" * 64, bytes=1)
    doubtful = with_evaluation(
        manifest,
        calibration=Calibration(bins=bins, error=0.09),
        robustness=Robustness(
            images=40,
            accuracy=0.9,
            corruptions=(
                CorruptionMetrics(corruption="blur", accuracies=(0.9, 0.8, 0.7, 0.6, 0.5)),
                CorruptionMetrics(corruption="inversion", accuracies=(0.3, 0.2, 0.1, 0.1, 0.1)),
            ),
        ),
        label_errors=LabelErrors(examined=160, found=3, threshold=0.95, table=table),
    )
    passed = Check(name="blank", outcome="passed", measured=0, limit=0, sentence="No blank ones.")
    warned = passed.model_copy(update={"outcome": "warned", "sentence": "2 images are blank."})
    gate = DataGateResult(checks=(passed, warned))
    records = doubtful.records.model_copy(update={"gate": gate})
    found = summary.doubts(doubtful.model_copy(update={"records": records}), str.upper)
    assert found == [
        "Data: 2 IMAGES ARE BLANK.",
        "The weakest class is “D” with an F1 of 0.650.",
        "The probabilities are off by 9.0 percentage points on average "
        "(expected calibration error).",
        "Mild inversion (severity 2 of 5) takes the accuracy down to 20.0%.",
        "3 of 160 training labels look wrong to the model; see below.",
    ]
