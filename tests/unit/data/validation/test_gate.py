import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples import clothes
from sightline.config import DataConfig, DataGateConfig
from sightline.data import ingest as ingestion
from sightline.data import locate
from sightline.data.validation import gate as data_gate
from sightline.errors import DataError, StageError
from sightline.records import Check, DatasetFiles, Run
from sightline.records.manifest import RunManifest

IMAGES, LABELS = clothes(150, 0)


@pytest.fixture(autouse=True)
def root(run: Run) -> Path:
    run.workspace.root.mkdir(exist_ok=True)
    return run.workspace.root


def ingest(run: Run, folder: Path, **changes: Any) -> DatasetFiles:
    split = {"x_train": IMAGES[:100], "y_train": LABELS[:100]}
    split |= {"x_test": IMAGES[100:], "y_test": LABELS[100:]} | changes
    np.savez(folder / "clothes.npz", **split)
    config = DataConfig(dataset=str(folder / "clothes.npz"))
    return ingestion.ingest(run, locate.locate(config), config)


def gate(**limits: Any) -> DataGateConfig:
    return DataGateConfig.model_validate(limits)


def checks(run: Run, files: DatasetFiles, **limits: Any) -> dict[str, Check]:
    return {check.name: check for check in data_gate.assess(run, files, gate(**limits)).checks}


def publish(root: Path, manifest: RunManifest, files: DatasetFiles, run_id: str) -> None:
    records = manifest.records.model_copy(update={"ingest": files})
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    published = manifest.model_copy(update={"run_id": run_id, "records": records})
    (folder / "manifest.json").write_text(published.model_dump_json())


def test_clean_data_pass_every_check_in_the_order_of_the_config(run: Run, tmp_path: Path) -> None:
    verdict = data_gate.judge(run, ingest(run, tmp_path), DataGateConfig())
    assert [check.name for check in verdict.checks] == list(DataGateConfig.model_fields)
    assert {check.outcome for check in verdict.checks} == {"passed"}
    assert verdict.checks[1].sentence == "Every class of the training split has 10 images."
    assert (verdict.compared_with, verdict.moved) == (None, ())


def leaking(run: Run, folder: Path) -> DatasetFiles:
    x_test = IMAGES[100:].copy()
    x_test[:2] = IMAGES[[7, 8]]
    y_test = LABELS[100:].copy()
    y_test[:2] = LABELS[[7, 8]]
    return ingest(run, folder, x_test=x_test, y_test=y_test)


def test_check_over_its_limit_warns_with_numbers_and_an_example(run: Run, tmp_path: Path) -> None:
    check = checks(run, leaking(run, tmp_path))["leaks"]
    assert (check.outcome, check.measured, check.limit) == ("warned", 0.04, 0)
    assert check.sentence == (
        "2 of 50 test images (4%) are equal to a training image, such as test 0 (“7”) and "
        "train 7 (“7”)."
    )


def test_check_that_is_to_fail_stops_the_run_and_says_what_to_do(run: Run, tmp_path: Path) -> None:
    files = leaking(run, tmp_path)
    with pytest.raises(DataError) as caught:
        data_gate.judge(run, files, gate(leaks={"action": "fail"}))
    message = str(caught.value)
    assert "refuses clothes, check leaks: 2 of 50 test images (4%) are equal" in message
    assert "such as test 0 (“7”) and train 7 (“7”)" in message
    assert "Measured 0.04, allowed 0." in message
    assert "--set data_gate.leaks.action=warn" in message
    assert files.inspection is not None
    assert str(run.workspace.root / files.inspection.findings.path) in message


def test_all_checks_that_fail_are_named(run: Run, tmp_path: Path) -> None:
    y_train = LABELS[:100].copy()
    y_train[y_train == 9] = 0
    x_train = IMAGES[:100].copy()
    x_train[5] = 3
    files = ingest(run, tmp_path, x_train=x_train, y_train=y_train, y_test=LABELS[100:] % 9)
    strict = gate(blank={"action": "fail"}, imbalance={"limit": 0.4, "action": "fail"})
    with pytest.raises(DataError, match=r"check imbalance: .*; over their limits as well: blank\."):
        data_gate.judge(run, files, strict)


def test_higher_limit_lets_pass_and_off_asks_nothing(run: Run, tmp_path: Path) -> None:
    files = leaking(run, tmp_path)
    assert checks(run, files, leaks={"limit": 0.04})["leaks"].outcome == "passed"
    off = checks(run, files, leaks={"action": "off"})["leaks"]
    assert (off.outcome, off.measured) == ("off", 0.04)
    data_gate.judge(run, files, gate(leaks={"limit": 0.04, "action": "fail"}))


def test_classes_without_images_and_uneven_ones_are_named(run: Run, tmp_path: Path) -> None:
    names = np.array([f"class <{letter}>" for letter in "abcdefghij"])
    y_train, y_test = names[LABELS[:100]], names[LABELS[100:] % 3]
    y_train[np.flatnonzero(y_train == "class <c>")[1:]] = "class <a>"
    found = checks(run, ingest(run, tmp_path, y_train=y_train, y_test=y_test))
    assert found["missing_classes"].measured == 7
    assert "7 of 10 classes lack images in a split: “class <d>” (test), " in (
        found["missing_classes"].sentence
    )
    assert found["missing_classes"].sentence.endswith(" and 2 more.")
    assert found["imbalance"].outcome == "warned"
    assert found["imbalance"].sentence.startswith(
        "Of the training images, the largest class, “class <a>”, has 19, the smallest, "
        "“class <c>”, 1: 94.7% less."
    )


def test_every_kind_of_finding_has_its_check(run: Run, tmp_path: Path) -> None:
    x_train, y_train = IMAGES[:100].copy(), LABELS[:100].copy()
    x_train[1], x_train[2], x_train[3] = x_train[0], 9, 255
    x_train[3, 0, 0] = 0
    x_train[5] = np.minimum(x_train[4].astype(int) + 5, 255)
    x_test = IMAGES[100:].copy()
    x_test[0] = np.minimum(x_train[6].astype(int) + 5, 255)
    found = checks(run, ingest(run, tmp_path, x_train=x_train, y_train=y_train, x_test=x_test))
    for name, share in {
        "blank": 0.01,
        "saturated": 0.01,
        "duplicates": 0.01,
        "conflicting_labels": 0.02,
        "near_duplicates": 0.01,
        "near_leaks": 0.02,
    }.items():
        assert found[name].measured == pytest.approx(share), name
    assert found["blank"].sentence == (
        "1 of 100 train images (1%) is blank, such as train 2 (“2”)."
    )


def test_data_are_compared_with_those_of_the_last_run(
    run: Run, tmp_path: Path, manifest: RunManifest
) -> None:
    before = ingest(run, tmp_path)
    publish(run.workspace.root, manifest, before, "yesterday")
    same = data_gate.judge(run, before, DataGateConfig())
    assert (same.compared_with, same.moved) == ("yesterday", ())
    assert same.checks[-1].measured == 0
    assert same.checks[-1].sentence == "The images and labels are those of run yesterday."

    darker = ingest(run, tmp_path, x_train=IMAGES[:100] // 3, x_test=IMAGES[100:] // 3)
    moved = data_gate.judge(run, darker, DataGateConfig())
    drift = moved.checks[-1]
    assert (drift.name, drift.outcome) == ("drift", "warned")
    assert "Since run yesterday, the" in drift.sentence
    assert {move.figure for move in moved.moved} == {"pixel mean", "pixel standard deviation"}
    with pytest.raises(DataError, match=r"check drift: Since run yesterday"):
        data_gate.judge(run, darker, gate(drift={"action": "fail"}))


def test_newest_run_of_the_same_data_set_counts(
    run: Run, tmp_path: Path, manifest: RunManifest
) -> None:
    files = ingest(run, tmp_path)
    for second, (name, dataset) in enumerate(
        (("old", "clothes"), ("new", "clothes"), ("foreign", "shoes"))
    ):
        publish(run.workspace.root, manifest, files.model_copy(update={"dataset": dataset}), name)
        os.utime(run.workspace.root / "runs" / name / "manifest.json", (second, second))
    assert data_gate.assess(run, files, DataGateConfig()).compared_with == "new"


def test_run_from_before_the_gate_is_not_compared_with(
    run: Run, tmp_path: Path, manifest: RunManifest
) -> None:
    files = ingest(run, tmp_path)
    publish(run.workspace.root, manifest, files.model_copy(update={"inspection": None}), "old")
    verdict = data_gate.assess(run, files, DataGateConfig())
    assert verdict.compared_with is None
    assert verdict.checks[-1].measured is None
    assert verdict.checks[-1].outcome == "passed"


def test_data_that_were_not_inspected_never_pass(run: Run, tmp_path: Path) -> None:
    files = ingest(run, tmp_path).model_copy(update={"inspection": None})
    with pytest.raises(StageError, match="clothes were not inspected"):
        data_gate.judge(run, files, DataGateConfig())
