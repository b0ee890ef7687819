import json
import os
import re
from pathlib import Path

import pytest

import runs_to_compare
from excerpts import with_training
from runs_to_compare import publish
from sightline.errors import InputError
from sightline.records import DatasetFiles
from sightline.records.difference import RunDifference
from sightline.records.manifest import RunManifest
from sightline.runs import compare, run_folder, seed_noise
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def files(root: Path, tmp_path: Path) -> DatasetFiles:
    return runs_to_compare.ingested(root, tmp_path)


@pytest.fixture
def pair(root: Path, files: DatasetFiles) -> tuple[RunManifest, RunManifest]:
    """A has rows 4, 8 and 20 wrong; B row 8, and 30 to 33."""
    overrides = ["training.epochs=7", "training.seed=3"]
    return (
        publish(root, "run-a", files, [4, 8, 20]),
        publish(
            root,
            "run-b",
            files,
            [8, 30, 31, 32, 33],
            overrides=overrides,
            weights="f",
            environment={**runs_to_compare.ENVIRONMENT, "cores": 8},
        ),
    )


@pytest.fixture
def found(root: Path, pair: tuple[RunManifest, RunManifest]) -> RunDifference:
    return compare.compare(Workspace(root), compare.read(Workspace(root), "run-a", "run-b"))


def measured(found: RunDifference, name: str) -> tuple[float | None, float | None]:
    (one,) = [measure for measure in found.measures if measure.name == name]
    return one.a, one.b


def test_only_settings_that_differ_are_listed(found: RunDifference) -> None:
    assert {row.key: (row.a, row.b) for row in found.config} == {
        "training.epochs": ("5", "7"),
        "training.seed": ("0", "3"),
    }


def test_digests_are_compared_and_the_environment_key_by_key(found: RunDifference) -> None:
    assert {row.name: row.equal for row in found.ingredients} == {
        "data": True,
        "code": True,
        "lock file": True,
        "environment": False,
        "weights": False,
    }
    assert [(row.key, row.a, row.b) for row in found.environment] == [("pipeline.cores", "2", "8")]


def test_measures_stand_side_by_side_with_their_intervals(found: RunDifference) -> None:
    assert measured(found, "accuracy") == (0.925, 0.875)
    assert measured(found, "calibration error") == (0.01, 0.01)
    accuracy, loss, _, top = found.measures
    assert accuracy.a_interval == pytest.approx((0.8014, 0.9742), abs=1e-4)
    assert top.name == "top-2 accuracy"
    assert top.b_interval == pytest.approx((0.9124, 1.0), abs=1e-4)
    assert loss.a is not None
    assert loss.a_interval is not None
    low, high = loss.a_interval
    assert 0 <= low < loss.a < high
    assert [pair.b.recall for pair in found.classes] == [0.8, 0.9, 0.9, 0.9]


def test_newly_right_and_newly_wrong_images_are_named_the_surest_first(
    found: RunDifference,
) -> None:
    images = found.reversals
    assert images is not None
    assert (images.images, images.fixed, images.broken) == (40, 2, 4)
    assert images.p_value == pytest.approx(0.6875)  # 2 of 6 heads, two-sided
    assert [one.index for one in images.fixed_examples] == [20, 4]
    assert [one.index for one in images.broken_examples] == [33, 32, 31, 30]
    first = images.broken_examples[0]
    assert (first.label, first.a, first.b) == ("b", "b", "c")
    assert first.b_probability == pytest.approx(0.83)
    assert "B is neither better nor worse than A" in found.sentence
    assert "2 images newly right, 4 newly wrong" in found.sentence


def test_at_most_24_examples_are_named(root: Path, files: DatasetFiles) -> None:
    publish(root, "run-a", files, [])
    publish(root, "run-b", files, range(40), weights="f")
    found = compare.compare(Workspace(root), compare.read(Workspace(root), "run-a", "run-b"))
    assert found.reversals is not None
    assert found.reversals.broken == 40
    assert len(found.reversals.broken_examples) == 24
    assert found.sentence.startswith("B is worse than A: test accuracy 100.00% in A, 0.00% in B")


def test_difference_is_held_against_the_seed_noise(
    root: Path, pair: tuple[RunManifest, RunManifest]
) -> None:
    for accuracies, within in (((0.5, 0.9), True), ((0.92, 0.921), False)):
        runs_of_seeds = [
            pair[0].model_copy(
                update={
                    "config": with_training(pair[0].config, seed=seed),
                    "records": pair[0].records.model_copy(
                        update={
                            "evaluate": pair[0].records.evaluate.model_copy(
                                update={"accuracy": accuracy}
                            )
                        }
                    ),
                }
            )
            for seed, accuracy in enumerate(accuracies)
        ]
        seed_noise.write(Workspace(root), seed_noise.measure(runs_of_seeds))
        found = compare.compare(Workspace(root), pair)
        assert found.noise is not None
        assert (found.noise.run_id, found.noise.seeds, found.noise.within) == ("run-a", 2, within)
        assert f"{'within' if within else 'beyond'} the seed noise" in found.sentence


def test_equal_weights_are_said(root: Path, files: DatasetFiles) -> None:
    pair = publish(root, "run-a", files, [4]), publish(root, "run-b", files, [4])
    assert compare.compare(Workspace(root), pair).sentence == "A and B have the same weights."


def test_runs_of_other_data_are_compared_as_far_as_that_goes(
    root: Path, files: DatasetFiles
) -> None:
    images = {**files.images, "test": files.images["test"].model_copy(update={"sha256": "9" * 64})}
    other = files.model_copy(
        update={"dataset": "zoo", "images": images, "class_names": ("w", "x", "y", "z")}
    )
    pair = publish(root, "run-a", files, [4]), publish(root, "run-b", other, [8, 9], weights="f")
    found = compare.compare(Workspace(root), pair)
    assert found.reversals is None
    assert found.noise is None
    assert found.classes == ()
    assert measured(found, "accuracy") == (0.975, 0.95)
    assert "different images (of the data sets textures and zoo)" in found.remarks[0]
    assert "cannot be told: test accuracy 97.50% in A, 95.00% in B" in found.sentence


def test_a_run_is_not_compared_with_itself(
    root: Path, pair: tuple[RunManifest, RunManifest]
) -> None:
    with pytest.raises(InputError, match=r"the same run, run-a; give two"):
        compare.read(Workspace(root), "run-a", "run-a")


@pytest.mark.parametrize("damage", ["gone", "flipped", "folder", "pipe"])
def test_damaged_predictions_cost_what_they_tell_alone(
    root: Path, pair: tuple[RunManifest, RunManifest], damage: str
) -> None:
    path = run_folder.folder(Workspace(root), "run-b") / "predictions.parquet"
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "folder":
        path.mkdir()
    elif damage == "pipe":
        os.mkfifo(path)
    found = compare.compare(Workspace(root), pair)
    assert found.reversals is None
    assert re.search(r"predictions of run run-b are left out: .*parquet is", found.remarks[0])
    assert measured(found, "accuracy") == (0.925, 0.875)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("predicted", [4] * 40, "predicted"),
        ("label", [-1] * 40, "labels from 0 to 3"),
        ("label", ["b"] * 40, "expected int64 in the column 'label', found string"),
        ("probability_2", [None] * 40, "expected float in the column 'probability_2'"),
        ("index", [0] * 40, "order"),
        (None, [], "'probability_3' is missing"),
    ],
)
def test_predictions_of_another_form_are_left_out(
    root: Path,
    pair: tuple[RunManifest, RunManifest],
    column: str | None,
    values: list[object],
    message: str,
) -> None:
    columns = runs_to_compare.predictions_of([])
    columns.pop("probability_3") if column is None else columns.update({column: values})
    path = run_folder.folder(Workspace(root), "run-b") / "predictions.parquet"
    record = runs_to_compare.write_table(path, columns)
    odd = pair[1].model_copy(update={"files": {"predictions.parquet": record}})
    found = compare.compare(Workspace(root), (pair[0], odd))
    assert found.reversals is None
    assert message in found.remarks[0]


def test_damaged_manifest_is_refused_with_its_name(
    root: Path, pair: tuple[RunManifest, RunManifest]
) -> None:
    path = run_folder.folder(Workspace(root), "run-b") / run_folder.MANIFEST
    path.write_bytes(path.read_bytes().replace(b"run-b", b"run-c"))
    with pytest.raises(InputError, match=r"run-b/manifest\.json cannot be read"):
        compare.read(Workspace(root), "run-a", "run-b")


def test_manifest_of_another_run_is_refused(
    root: Path, pair: tuple[RunManifest, RunManifest]
) -> None:
    astray = pair[0].model_copy(update={"run_id": "../../run-a"})
    content = json.dumps(astray.model_dump(mode="json"))
    (run_folder.folder(Workspace(root), "run-b") / run_folder.MANIFEST).write_text(content)
    with pytest.raises(InputError, match=r"run-b/manifest\.json is that of run '\.\./\.\./run-a'"):
        compare.read(Workspace(root), "run-a", "run-b")
