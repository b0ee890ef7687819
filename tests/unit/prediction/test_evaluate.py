import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import sightline
from cli import refused
from cli import sightline as command
from examples import pictures, write_folders
from published_textures import RUN_ID
from sightline.config import loading
from sightline.errors import DataError, InputError
from sightline.evaluation.intervals import difference
from sightline.prediction import model as models
from sightline.prediction.evaluate import evaluate, load_settings
from sightline.records import Run

QUICK = ["evaluation.robustness_images=0", "evaluation.saliency_images=0"]


@pytest.fixture
def evaluated(published, tmp_path):
    """Evaluate the model of the run on a data set, into a folder of the test."""

    def evaluated(data, split="all", **found):
        served = models.find(published.workspace, RUN_ID)
        config = loading.load(overrides=QUICK, dataset=str(data))
        run = Run(id="evaluate", workspace=published.workspace)
        return evaluate(run, config, served, split, tmp_path / "found")

    return evaluated


def write(path, images, labels):
    np.savez(path, x_train=images, y_train=labels)
    return path


def shares(found):
    return {one.split: (one.images, one.accuracy) for one in found.known}


def test_own_test_split_gives_the_measures_of_the_run_and_is_recognized(published, evaluated):
    found = evaluated(published.files.source, "test")
    own = published.evaluation
    assert found.images == 40
    assert found.metrics.accuracy == own.accuracy
    assert found.metrics.confusion == own.confusion
    assert found.metrics.loss == pytest.approx(own.loss, rel=1e-6)
    assert found.metrics.calibration.bins == own.calibration.bins
    assert shares(found) == {"test": (40, own.accuracy)}
    assert found.own_test.difference == 0
    assert found.warnings == ()


def test_all_splits_are_evaluated_in_order_and_training_images_are_told(published, evaluated):
    found = evaluated(published.files.source)
    assert {split: images for split, (images, _) in shares(found).items()} == {
        "train": 160,
        "test": 40,
    }
    sources = pd.read_parquet(f"{found.output}/predictions.parquet")["source"]
    assert [sources[0], sources[160]] == ["x_train#0", "x_test#0"]


def test_new_images_of_some_classes_are_numbered_as_by_the_model(tmp_path, evaluated):
    images, labels = pictures(60, 7)
    kept = labels >= 2
    found = evaluated(write(tmp_path / "new.npz", images[kept], labels[kept]))
    assert [row.support for row in found.metrics.classes] == [0, 0, 15, 15]
    assert shares(found)["new"][0] == 30
    assert "2 of the model's 4 classes" in found.warnings[-1]
    assert found.metrics.accuracy > 0.5


def test_inverted_images_are_named_and_the_page_says_all_without_loading_anything(
    tmp_path, evaluated
):
    images, labels = pictures(40, 8)
    found = evaluated(write(tmp_path / "<b>x.npz", 255 - images, labels))
    assert any("inverted" in sentence for sentence in found.warnings)
    page = (tmp_path / "found" / "report.html").read_text()
    assert "inverted" in page
    assert f"{found.metrics.accuracy:.2%}" in page
    assert "<b>x" not in page
    assert "http" not in page.partition("<main>")[2].replace("http://www.w3.org", "")
    assert json.loads((tmp_path / "found" / "evaluation.json").read_text())["images"] == 40


def test_unknown_classes_and_splits_are_refused_by_name(tmp_path, evaluated):
    folders = write_folders(tmp_path / "photos", 8, 8, (12, 12, 3))
    with pytest.raises(DataError, match=r"'texture 0'.*it knows the classes '0', '1', '2', '3'"):
        evaluated(folders)
    images, labels = pictures(20, 9)
    with pytest.raises(DataError, match=r"no validation split.*--split"):
        evaluated(write(tmp_path / "new.npz", images, labels), "validation")


@pytest.mark.parametrize("beside", [(), ("evaluation.json", "report.html")])
def test_folder_of_something_else_is_not_replaced(tmp_path, evaluated, beside):
    mine = tmp_path / "found" / "mine.txt"
    mine.parent.mkdir()
    for name in (mine.name, *beside):
        mine.with_name(name).write_text("kept")
    with pytest.raises(InputError, match="choose a new folder"):
        evaluated(write(tmp_path / "new.npz", *pictures(20, 9)))
    assert mine.read_text() == "kept"


def test_command_and_python_give_the_same(published, tmp_path, monkeypatch):
    data, root = write(tmp_path / "new.npz", *pictures(20, 9)), str(published.workspace.root)
    arguments = ["--artifacts", root, "--model", RUN_ID, "--json"]
    settings = [word for one in QUICK for word in ("--set", one)]
    found = json.loads(command(f"evaluate {data}", *arguments, *settings).stdout)
    run = sightline.load(RUN_ID, artifacts=root)
    again = run.evaluate(data, settings={"robustness_images": 0, "saliency_images": 0})
    assert again.result.model_dump(mode="json") == found
    assert again.accuracy == found["metrics"]["accuracy"]
    assert len(again.predictions) == 20
    assert again.report.path.is_file()
    assert "--split" in refused(f"evaluate {data} --split half", *arguments)


def test_measures_are_as_elaborate_as_in_the_run_unless_the_user_says_otherwise(monkeypatch):
    config = loading.load(overrides=["evaluation.depth=quick", "evaluation.batch_size=7"])
    monkeypatch.setattr(models, "read_run", lambda *_: SimpleNamespace(config=config))
    settings = load_settings(None, None, "mnist", None, ["evaluation.batch_size=8"]).evaluation
    assert (settings.depth, settings.batch_size) == ("quick", 8)


def test_difference_of_shares_has_the_interval_of_newcombe():
    low, high = difference(56 / 70, (0.692, 0.877), 48 / 80, (0.490, 0.700))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=2e-3)  # his table II, method 10
