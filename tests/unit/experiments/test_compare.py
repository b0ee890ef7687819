import os
from pathlib import Path

import pytest

from excerpts import measure_noise
from runs_to_compare import ENVIRONMENT, publish
from sightline.errors import InputError
from sightline.experiments import compare, run_folder
from sightline.storage import json_digest


@pytest.fixture
def pair(workspace, dataset):
    """A gets rows 4, 8 and 20 wrong; B gets rows 8 and 30 to 33 wrong."""
    changed = {
        "overrides": ["training.epochs=7", "training.seed=3"],
        "weights": "f",
        "environment": ENVIRONMENT | {"cores": 8},
    }
    a = publish(workspace.root, "run-a", dataset, [4, 8, 20])
    return a, publish(workspace.root, "run-b", dataset, [8, 30, 31, 32, 33], **changed)


@pytest.fixture
def found(workspace, pair):
    return compare.compare(workspace, compare.read_pair(workspace, "run-a", "run-b"))


def measured(found, name):
    (one,) = [measure for measure in found.measures if measure.name == name]
    return one.a, one.b


def test_settings_and_digests_are_compared(found):
    assert {row.key: (row.a, row.b) for row in found.config} == {
        "training.epochs": ("5", "7"),
        "training.seed": ("0", "3"),
    }
    assert [(row.key, row.a, row.b) for row in found.environment] == [("pipeline.cores", "2", "8")]
    equal = {row.name: row.equal for row in found.provenance}
    same = dict.fromkeys(("data", "code", "lock file"), True)
    assert equal == same | {"environment": False, "weights": False}


def test_measures_are_side_by_side_with_their_intervals(found):
    assert measured(found, "accuracy") == (0.925, 0.875)
    assert measured(found, "balanced accuracy") == (0.925, 0.875)
    assert measured(found, "calibration error") == (0.01, 0.01)
    by_name = {one.name: one for one in found.measures}
    assert by_name["accuracy"].a_interval == pytest.approx((0.8014, 0.9742), abs=1e-4)
    assert by_name["loss"].b_interval == (0.1, 0.2)
    assert by_name["macro F1"].a_interval is None
    assert [pair.b.recall for pair in found.classes] == [0.8, 0.9, 0.9, 0.9]


def test_flips_are_named_the_most_confident_first(found):
    flips = found.flips
    assert (flips.images, flips.fixed, flips.broken) == (40, 2, 4)
    assert flips.p_value == pytest.approx(0.6875)  # 2 of 6 heads, two-sided
    assert [one.index for one in flips.fixed_examples] == [20, 4]
    assert [one.index for one in flips.broken_examples] == [33, 32, 31, 30]
    first = flips.broken_examples[0]
    assert (first.label, first.a, first.b) == ("b", "b", "c")
    assert first.b_probability == pytest.approx(0.83)
    assert "No significant difference between A and B (p = 0.69, n = 40)" in found.sentence
    assert "2 images newly right, 4 newly wrong" in found.sentence


def test_at_most_24_examples_are_named(workspace, dataset):
    a = publish(workspace.root, "run-a", dataset, [])
    assert compare.compare(workspace, (a, a)).sentence == "A and B have the same weights."
    b = publish(workspace.root, "run-b", dataset, range(40), weights="f")
    found = compare.compare(workspace, (a, b))
    assert found.flips.broken == 40
    assert len(found.flips.broken_examples) == 24
    assert found.sentence.startswith("B is worse than A (p = ")


@pytest.mark.parametrize(
    ("accuracies", "within"), [((0.5, 0.9), True), ((0.92, 0.921), False)], ids=["wide", "narrow"]
)
def test_difference_is_compared_with_the_seed_noise(workspace, pair, accuracies, within):
    measure_noise(workspace, pair[0].config, *accuracies, dataset="textures")
    found = compare.compare(workspace, pair)
    assert (found.noise.run_id, found.noise.seeds, found.noise.within) == ("run-a", 2, within)
    assert f"{'within' if within else 'beyond'} the seed noise" in found.sentence


def test_classes_in_another_order_are_not_compared(workspace, dataset):
    other = dataset.model_copy(update={"class_names": dataset.class_names[::-1]})
    a = publish(workspace.root, "run-a", dataset, [4])
    b = publish(workspace.root, "run-b", other, [8, 9], weights="f")
    found = compare.compare(workspace, (a, b))
    assert (found.flips, found.classes) == (None, ())
    assert any("different classes" in remark for remark in found.remarks)


def test_images_of_other_data_are_not_compared(workspace, dataset):
    test = dataset.images["test"].model_copy(update={"sha256": "9" * 64})
    names = ("w", "x", "y", "z")
    changed = {"dataset": "zoo", "images": {**dataset.images, "test": test}, "class_names": names}
    other = dataset.model_copy(update=changed)
    a = publish(workspace.root, "run-a", dataset, [4])
    b = publish(workspace.root, "run-b", other, [8, 9], weights="f")
    found = compare.compare(workspace, (a, b))
    assert (found.flips, found.noise, found.classes) == (None, None, ())
    assert measured(found, "accuracy") == (0.975, 0.95)
    assert "textures and zoo" in found.remarks[0]
    assert "97.50% in A, 95.00% in B" in found.sentence


@pytest.mark.parametrize("damage", [Path.touch, Path.exists, Path.mkdir, os.mkfifo])
def test_damaged_predictions_leave_the_other_figures(workspace, pair, damage):
    path = run_folder.folder(workspace, "run-b") / "predictions.parquet"
    path.unlink()
    damage(path)
    found = compare.compare(workspace, pair)
    assert found.flips is None
    assert "run-b/predictions.parquet" in found.remarks[0]
    assert measured(found, "accuracy") == (0.925, 0.875)


def test_run_is_not_compared_with_itself_or_a_renamed_one(workspace, pair):
    with pytest.raises(InputError, match=r"run-a; .*`sightline runs list`"):
        compare.read_pair(workspace, "run-a", "run-a")
    path = run_folder.folder(workspace, "run-b") / run_folder.MANIFEST
    astray = pair[0].model_copy(update={"run_id": "../../run-a"})
    path.write_bytes(json_digest.dumps(astray.model_dump(mode="json")))
    with pytest.raises(InputError, match=r"run-b/manifest\.json"):
        compare.read_pair(workspace, "run-a", "run-b")
