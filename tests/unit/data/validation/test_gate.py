import numpy as np
import pytest
from PIL import Image

import reading
from examples import clothes
from reading import ingest_arrays
from sightline.config import DataGateConfig
from sightline.data.validation.gate import check_data
from sightline.errors import DataError, StageError
from sightline.records import Run
from sightline.storage.workspace import Workspace

IMAGES, LABELS = clothes(150, 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(id="test-run", workspace=Workspace(tmp_path_factory.mktemp("artifacts")))


@pytest.fixture(scope="module")
def clean(run, tmp_path_factory):
    return ingest(run, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def leaking(run, tmp_path_factory):
    x_test, y_test = IMAGES[100:].copy(), LABELS[100:].copy()
    x_test[:2], y_test[:2] = IMAGES[[7, 8]], LABELS[[7, 8]]
    return ingest(run, tmp_path_factory.mktemp("leaking"), x_test=x_test, y_test=y_test)


def ingest(run, folder, settings=None, **changes):
    arrays = {"x_train": IMAGES[:100], "y_train": LABELS[:100]}
    arrays |= {"x_test": IMAGES[100:], "y_test": LABELS[100:]} | changes
    return ingest_arrays(run, folder / "clothes.npz", settings, **arrays)


def gate(run, files, last_run=None, **limits):
    settings = DataGateConfig.model_validate(limits)
    return check_data(run.workspace, files, settings, last_run)


def checks(run, files, **limits):
    return {check.name: check for check in gate(run, files, **limits).checks}


def test_clean_data_pass_every_check_in_the_order_of_the_config(run, clean):
    result = gate(run, clean)
    assert [check.name for check in result.checks] == list(DataGateConfig.model_fields)
    assert {check.outcome for check in result.checks if check.name != "drift"} == {"passed"}
    assert (result.compared_with, result.changes) == (None, ())


def test_exceeded_limit_warns_with_numbers_and_an_example(run, leaking):
    check = checks(run, leaking)["leaks"]
    assert (check.outcome, check.measured, check.limit) == ("warned", 0.04, 0)
    for fact in ("2 of 50 test images (4%)", "test 0 (“7”)", "train 7 (“7”)"):
        assert fact in check.sentence


def test_failed_check_stops_the_run_with_the_remedy(run, leaking):
    with pytest.raises(DataError) as caught:
        gate(run, leaking, leaks={"action": "fail"})
    findings = str(run.workspace.root / leaking.inspection.findings.path)
    for fact in ("clothes", "2 of 50", "0.04", "--set data_gate.leaks.action=warn", findings):
        assert fact in str(caught.value)


def test_all_failed_checks_are_named(run, tmp_path):
    y_train = LABELS[:100].copy()
    y_train[y_train == 9] = 0
    x_train = IMAGES[:100].copy()
    x_train[5] = 3
    files = ingest(run, tmp_path, x_train=x_train, y_train=y_train, y_test=LABELS[100:] % 9)
    with pytest.raises(DataError, match=r"imbalance.*blank"):
        gate(run, files, blank={"action": "fail"}, imbalance={"limit": 0.4, "action": "fail"})


@pytest.mark.parametrize(
    ("outcome", "settings"),
    [
        ("passed", {"limit": 0.04}),
        ("passed", {"limit": 0.04, "action": "fail"}),
        ("off", {"action": "off"}),
    ],
)
def test_check_at_its_limit_passes_and_one_that_is_off_is_still_measured(
    run, leaking, outcome, settings
):
    check = checks(run, leaking, leaks=settings)["leaks"]
    assert (check.outcome, check.measured) == (outcome, 0.04)


def test_missing_and_imbalanced_classes_are_named(run, tmp_path):
    names = np.array([f"class <{letter}>" for letter in "abcdefghij"])
    y_train, y_test = names[LABELS[:100]], names[LABELS[100:] % 3]
    y_train[np.flatnonzero(y_train == "class <c>")[1:]] = "class <a>"
    found = checks(run, ingest(run, tmp_path, y_train=y_train, y_test=y_test))
    missing, imbalance = found["missing_classes"], found["imbalance"]
    assert (missing.measured, imbalance.outcome) == (7, "warned")
    for fact in ("“class <d>” (test)", "2 more"):
        assert fact in missing.sentence
    for fact in ("“class <a>”", "19", "“class <c>”", "94.7%"):
        assert fact in imbalance.sentence


def test_every_kind_of_finding_has_its_check(run, tmp_path):
    x_train, x_test = IMAGES[:100].copy(), IMAGES[100:].copy()
    x_train[1], x_train[2], x_train[3] = x_train[0], 9, 255
    x_train[3, 0, 0] = 0
    x_train[5] = np.minimum(x_train[4].astype(int) + 5, 255)
    x_test[0] = np.minimum(x_train[6].astype(int) + 5, 255)
    found = checks(run, ingest(run, tmp_path, x_train=x_train, x_test=x_test))
    expected = dict.fromkeys(("blank", "saturated", "duplicates", "near_duplicates"), 0.01)
    expected |= {"conflicting_labels": 0.02, "near_leaks": 0.02}
    assert {name: found[name].measured for name in expected} == pytest.approx(expected)
    assert "train 2 (“2”)" in found["blank"].sentence


def with_others(run, folder, others):
    """Ingest 24 images beside one that lies outside the class folders and other files."""
    for label in ("a", "b"):
        (folder / label).mkdir()
        for number in range(12):
            one = Image.fromarray(IMAGES[number + 12 * (label == "b"), ..., 0])
            one.save(folder / label / f"{number}.png")
    (folder / "beside.png").write_bytes((folder / "a" / "0.png").read_bytes())
    for number in range(others):
        name = f"other {number}.nef" if number % 4 else f"other {number}.txt"
        (folder / "b" / name).touch()
    return reading.ingest(run, folder)


def test_files_left_out_are_counted_by_their_ending(run, tmp_path):
    files = with_others(run, tmp_path, 23)
    assert files.left_out == {".nef": 17, ".txt": 6, ".png": 1}
    check = checks(run, files)["left_out"]
    assert (check.outcome, check.measured, check.limit) == ("warned", 0.5, 0.01)
    assert "24 of 48 files (50%)" in check.sentence
    assert "17 .nef, 6 .txt and 1 .png" in check.sentence
    with pytest.raises(DataError, match=r"left_out.*17 \.nef.*data_gate\.left_out\.action=warn"):
        gate(run, files, left_out={"action": "fail"})


def test_data_of_which_more_than_half_is_left_out_are_refused_with_what_to_do(run, tmp_path):
    files = with_others(run, tmp_path, 44)
    with pytest.raises(DataError) as caught:
        gate(run, files)
    for fact in ("45 of 69 files (65.2%)", "33 .nef, 11 .txt and 1 .png", "allowed 0.5", "Convert"):
        assert fact in str(caught.value)
    assert str(caught.value).endswith("accept it with --set data_gate.left_out.fail_above=1.")
    for accepted, outcome in (({"fail_above": 1}, "warned"), ({"action": "off"}, "off")):
        assert checks(run, files, left_out=accepted)["left_out"].outcome == outcome


def test_annotations_beside_their_images_are_no_loss_but_are_stated(run, tmp_path):
    with_others(run, tmp_path, 0)
    for image in [*tmp_path.glob("[ab]/*.png")]:
        image.with_suffix(".txt").touch()
        image.with_suffix(".xml").touch()
    (tmp_path / "a" / "readme.txt").touch()
    files = reading.ingest(run, tmp_path)
    assert files.left_out == {".png": 1, ".txt": 1}
    stated = "Left out, as annotations of the images of the same names: 24 .txt and 24 .xml."
    assert stated in files.notes
    assert stated in files.decisions
    assert checks(run, files)["left_out"].outcome == "warned"


@pytest.fixture
def last_run(manifest, clean):
    records = manifest.records.model_copy(update={"ingest": clean})
    return manifest.model_copy(update={"run_id": "yesterday", "records": records})


def test_unchanged_data_do_not_drift(run, clean, last_run):
    same = gate(run, clean, last_run)
    assert (same.compared_with, same.changes) == ("yesterday", ())
    assert same.checks[-1].measured == 0


def test_data_are_compared_with_those_of_the_last_run(run, tmp_path, last_run):
    darker = ingest(run, tmp_path, x_train=IMAGES[:100] // 3, x_test=IMAGES[100:] // 3)
    result = gate(run, darker, last_run)
    drift = result.checks[-1]
    assert (drift.name, drift.outcome) == ("drift", "warned")
    assert "yesterday" in drift.sentence
    figures = {change.figure for change in result.changes}
    assert figures == {"pixel mean", "pixel standard deviation"}
    with pytest.raises(DataError, match=r"drift.*yesterday"):
        gate(run, darker, last_run, drift={"action": "fail"})


def test_other_size_is_no_drift_and_other_data_are_compared_by_their_classes_only(
    run, tmp_path, last_run
):
    form = {"image_size": (20, 40), "resize": "letterbox"}
    drift = gate(run, ingest(run, tmp_path, form), last_run).checks[-1]
    assert (drift.measured, drift.outcome) == (0, "passed")
    drift = gate(run, ingest(run, tmp_path, form, x_train=IMAGES[:100] // 3), last_run).checks[-1]
    assert (drift.measured, drift.outcome) == (0, "passed")
    for fact in ("the classes of the", "not compared", "data.image_size"):
        assert fact in drift.sentence


def test_last_run_without_an_inspection_is_ignored(run, clean, last_run):
    ingested = last_run.records.ingest.model_copy(update={"inspection": None})
    records = last_run.records.model_copy(update={"ingest": ingested})
    result = gate(run, clean, last_run.model_copy(update={"records": records}))
    assert result.compared_with is None
    assert (result.checks[-1].measured, result.checks[-1].outcome) == (None, "skipped")


def test_data_without_an_inspection_are_an_error(run, clean):
    with pytest.raises(StageError, match="clothes"):
        gate(run, clean.model_copy(update={"inspection": None}))
