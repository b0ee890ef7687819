import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import MagicMock

import httpx
import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

import mlflow_server
from machines import two
from processes import free_port, wait_for
from searching import BASE, play, setup
from sightline.config import loading
from sightline.config.tracking import TrackingConfig
from sightline.errors import ConfigError
from sightline.experiments.search import study as studies
from sightline.experiments.tracking import mlflow, tensorboard, tracked_run, trackers
from sightline.experiments.tracking.tracked_run import TrackedEpoch, TrackedRun
from sightline.experiments.tracking.trackers import Trackers
from sightline.storage.workspace import Workspace

STARTED = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def tracked(tmp_path):
    """A run of two epochs with one file and a model."""
    files = {"report.html": "report.html", "model/model.keras": "model.keras"}
    for name in files.values():
        (tmp_path / name).write_text(name)
    epochs = [
        TrackedEpoch(
            epoch=epoch,
            ended=STARTED + timedelta(seconds=epoch),
            metrics={"loss": 1 / epoch, "val_loss": 2 / epoch},
        )
        for epoch in (1, 2)
    ]
    return TrackedRun(
        id="run-1",
        dataset="textures",
        started=STARTED,
        ended=STARTED + timedelta(seconds=9),
        tags={"run": "run-1"},
        parameters={f"training.key{number}": "x" * 7000 for number in range(101)},
        epochs=tuple(epochs),
        metrics={"test_accuracy": 0.5},
        files={name: str(tmp_path / file) for name, file in files.items()},
        registered=True,
    )


def events(folder):
    (path,) = folder.glob("events.out.tfevents.*")
    return [Event.FromString(one) for one in RawEventFileLoader(str(path)).Load()]


def test_tensorboard_reads_the_epochs_of_both_splits(tracked, tmp_path):
    a, _ = two(tmp_path, f"memory://{tmp_path.name}")
    for _ in range(2):  # a second time replaces the first
        tensorboard.write(a, tracked)
    for split, first in (("train", 1.0), ("validation", 2.0)):
        place = a.root / "tensorboard" / "run-1" / split
        version, *rows = events(place)
        assert version.file_version == "brain.Event:2"
        assert [(one.step, one.summary.value[0].simple_value) for one in rows] == [
            (1, first),
            (2, first / 2),
        ]
        assert rows[0].summary.value[0].tag == "epoch_loss"
        assert rows[0].summary.value[0].metadata.plugin_data.plugin_name == "scalars"
        assert rows[1].wall_time - rows[0].wall_time == 1
    assert len(list(a.store.list("tensorboard/"))) == 2


@pytest.mark.slow
def test_server_of_mlflow_gets_parameters_metrics_files_and_a_model_version(tracked, tmp_path):
    port, client = free_port(), httpx.Client(trust_env=False, timeout=120)
    url = f"http://127.0.0.1:{port}"
    program = [sys.executable, mlflow_server.__file__, str(tmp_path), str(port)]

    def is_up():
        try:
            return client.get(f"{url}/health").is_success
        except httpx.TransportError:
            return False

    with subprocess.Popen(program, stderr=subprocess.DEVNULL) as server, client:
        try:
            wait_for("the server of MLflow", is_up)
            with Trackers(Workspace(tmp_path), TrackingConfig(mlflow=url)) as tracker:
                assert tracker.record(tracked) == ()
            search = {"experiment_ids": ["1"], "filter": "tags.`sightline.run` = 'run-1'"}
            found = client.post(f"{url}/api/2.0/mlflow/runs/search", json=search).json()
            place = f"{url}/api/2.0/mlflow/model-versions/search"
            (version,) = client.get(place).json()["model_versions"]
        finally:
            server.kill()
    (run,) = found["runs"]
    metrics = {one["key"]: one["value"] for one in run["data"]["metrics"]}
    assert metrics == {"loss": 0.5, "val_loss": 1.0, "test_accuracy": 0.5}
    assert len(run["data"]["params"]) == 101
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", "run-1")
    assert (version["name"], version["run_id"]) == ("textures", run["info"]["run_id"])
    kept = (path.name for path in Path(tmp_path, "artifacts").rglob("*") if path.is_file())
    assert sorted(kept) == ["model.keras", "report.html"]


def test_recording_that_is_killed_leaves_no_running_run(tracked, monkeypatch):
    client, states = MagicMock(), []
    client.create_run().info.run_id = "a"
    client.create_model_version().version = "1"
    client.log_batch.side_effect = lambda *_, **__: states.append(client.set_terminated.call_args)
    monkeypatch.setattr("mlflow.MlflowClient", lambda **_: client)
    mlflow._record(tracked, "http://host")
    assert {state.args[1] for state in states} == {"FAILED"}
    assert client.set_terminated.call_args.args[1] == "FINISHED"


def test_refusal_of_a_store_does_not_show_the_signed_address():
    refusal = OSError("403 Forbidden for url: https://store/a?X-Amz-Signature=secret")
    assert mlflow._reason(refusal) == "OSError: 403 Forbidden for url: https://store/a?…"


def test_trial_is_described_by_its_values_and_the_metric_of_each_epoch(tmp_path):
    asked = setup("training.learning_rate=log(1e-4, 1e-1)")
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        play(study, study.draw(), 0.9)
        trial = study.trials()[0]
        found = tracked_run.of_trial(study, trial, BASE)
    assert found.id == "demo/t0"
    assert found.tags.items() >= {"search": "demo", "trial": "0", "state": "complete"}.items()
    rate = trial.values["training.learning_rate"]
    assert float(found.parameters["training.learning_rate"]) == rate
    assert [one.epoch for one in found.epochs] == list(range(1, 10))
    assert found.epochs[-1].metrics == {"val_accuracy": pytest.approx(0.9)}
    assert not found.registered


@pytest.mark.parametrize(
    "uri",
    [
        "http://name:secret@host",
        "http://host?token=secret",
        "https://secret@host/x",
        "postgresql://name:secret@host/db",
        "sqlite:///relative.db",
        "mlruns",
    ],
)
def test_uri_with_a_secret_or_of_another_kind_is_refused_without_the_secret(uri):
    with pytest.raises(ConfigError, match=r"tracking\.mlflow.*MLFLOW_TRACKING_TOKEN") as refusal:
        loading.load("quickstart", overrides=[f'tracking.mlflow="{uri}"'])
    assert "secret" not in str(refusal.value)


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    trackers.check(TrackingConfig())
    for settings in ({"mlflow": "http://host"}, {"tensorboard": True}):
        with pytest.raises(ConfigError, match=r'pip install "sightline\[tracking\]"'):
            trackers.check(TrackingConfig(**settings))
