"""Runs that are recorded in trackers, with all stages from the cache."""

import logging
import shutil
import sqlite3

import pytest

from processes import free_port
from sightline.experiments import run_folder
from sightline.experiments.tracking import tracked_run
from sightline.flows.train import training_flow
from sightline.records import Run
from sightline.storage.workspace import Workspace
from tiny_run import tiny

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")


def train(root, data, run_id, *changes):
    return training_flow(tiny(data, *changes), Run(id=run_id, workspace=Workspace(root)))


def test_run_from_the_cache_is_recorded_by_both_trackers(root, data, tmp_path):
    database = tmp_path / "mlflow.db"
    summary = train(
        *(root, data, "tracked"),
        *(f'tracking.mlflow="sqlite:///{database}"', "tracking.tensorboard=true"),
    )
    assert all(stage.cached for stage in summary.stages.values()), "trackers are in no cache key"
    assert not [one for one in summary.warnings if "MLflow" in one or "TensorBoard" in one]
    with sqlite3.connect(database) as found:
        ((name, status, place),) = found.execute("select name, status, artifact_uri from runs")
        tags = dict(found.execute("select key, value from tags"))
        parameters = dict(found.execute("select key, value from params"))
        epochs = found.execute("select step from metrics where key = 'val_accuracy' order by 1")
        assert [step for (step,) in epochs] == [1, 2]
        (accuracy,) = found.execute("select value from metrics where key = 'test_accuracy'")
        ((model, version, source),) = found.execute(
            "select name, version, source from model_versions"
        )
    assert (name, status) == ("tracked", "FINISHED")
    assert tags["sightline.run"] == "tracked"
    assert parameters["training.epochs"] == "2"
    assert accuracy == (summary.test_accuracy,)
    assert (model, version, source) == ("textures", 1, f"{place}/model")
    kept = {path.name for path in (tmp_path / "mlflow-artifacts").rglob("*") if path.is_file()}
    assert {"report.html", "manifest.json", "model.keras", "curves.png"} <= kept
    assert sorted(path.name for path in (root / "tensorboard" / "tracked").iterdir()) == [
        "train",
        "validation",
    ]


def test_run_of_one_of_several_seeds_is_tagged_and_its_model_is_not_registered(root, first):
    workspace = Workspace(root)
    manifest = run_folder.read(workspace, first.run_id)
    name = f"seeds-s{manifest.config.training.seed}"
    shutil.copytree(run_folder.folder(workspace, "first"), run_folder.folder(workspace, name))
    found = tracked_run.of_run(workspace, manifest.model_copy(update={"run_id": name}))
    assert found.tags["seeds"] == "seeds"
    assert not found.registered
    shutil.rmtree(run_folder.folder(workspace, name))


def test_tracker_that_is_away_costs_a_warning_and_not_the_run(root, data, caplog):
    uri = f"http://127.0.0.1:{free_port()}"
    with caplog.at_level(logging.WARNING):
        summary = train(root, data, "alone", f'tracking.mlflow="{uri}"')
    assert run_folder.exists(Workspace(root), "alone")
    assert (
        summary.warnings[0] == f"MLflow at {uri} does not have alone: no answer (ConnectionError)."
    )
    assert summary.warnings[0] in caplog.text
    assert "Traceback" not in caplog.text
