"""Trials and shards on a Ray cluster of two nodes, which the tests start on loopback."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from prefect.client.orchestration import get_client

import ray_nodes
from examples import write_folders
from processes import command_line, cut_power, descendants, wait_for
from reading import ingest
from run_to_predict import RUN_ID, dots, publish, write_pictures
from sightline.config import BackboneConfig, DataConfig, EmbeddingConfig
from sightline.data import ingest as ingestion
from sightline.data import locate
from sightline.data.sharding import on_ray as ingest_on_ray
from sightline.errors import DataError
from sightline.flows.trials import deployed
from sightline.flows.trials.flow import trial_flow
from sightline.flows.trials.parallel import run_side_by_side
from sightline.flows.trials.ray_runner import RayRunner
from sightline.flows.trials.trial import Trial
from sightline.models import build
from sightline.pipeline import ray_cluster
from sightline.pipeline.process import keras_process
from sightline.prediction import on_ray as predict_on_ray
from sightline.prediction.model import find
from sightline.prediction.predict import predict
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.training import embed, embed_on_ray
from stored_photos import store
from tiny_run import tiny


@pytest.fixture(scope="module")
def nodes():
    """The processes of two nodes, with all cores each."""
    from ray._private import ray_constants

    variables = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray then listens on loopback alone
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "180",
        "RAY_agent_register_timeout_ms": "180000",
    }
    program = subprocess.Popen(
        [sys.executable, ray_nodes.__file__],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with program, pytest.MonkeyPatch.context() as patch:
        started = json.loads(program.stdout.readline())
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        patch.setenv("RAY_ADDRESS", started["address"])
        yield started["nodes"]
        program.stdin.close()


def keras_below(node):
    """List the Keras processes of a node."""
    return [pid for pid in descendants(node) if "sightline.pipeline.worker" in command_line(pid)]


@pytest.fixture
def runner(nodes, prefect_api, monkeypatch):
    monkeypatch.setattr(deployed, "_POLL_SECONDS", 1)
    with closing(RayRunner(ray_cluster.connect(None))) as runner:
        yield runner


def trials(data, root, seeds, epochs=60):
    source = locate.locate(tiny(data).data)
    for seed in seeds:
        config = tiny(data, f"training.epochs={epochs}", f"training.seed={seed}")
        yield Trial(config=config, run=Run(id=f"s{seed}", workspace=Workspace(root)), source=source)


class PowerCut:
    """Cuts the power of a node once every trial has reported an epoch."""

    def __init__(self, nodes):
        self.nodes, self.results, self.worked, self.seen = nodes, {}, [], set()

    def started(self, trial):
        pass

    def wants_more(self, trial, epoch):
        self.seen.add(trial.run.id)
        if len(self.seen) == len(self.nodes) and not self.worked:
            self.worked = [len(keras_below(node)) for node in self.nodes]
            cut_power(self.nodes[-1])
        return True

    def ended(self, trial, result):
        self.results[trial.run.id] = result


@pytest.mark.campaign
@pytest.mark.long
def test_trial_of_a_node_that_is_lost_resumes_on_another_with_the_same_result(
    runner, nodes, data, tmp_path, caplog, capsys
):
    follower = PowerCut(nodes)
    assert runner.at_once == 2
    with Workspace(tmp_path / "ray").in_use():
        run_side_by_side(runner, trials(data, tmp_path / "ray", (0, 1)), 2, follower)
    assert follower.worked == [1, 1], f"each node trains one: {follower.results}"
    (lost,) = re.findall(r"s(\d) is started again", caplog.text)
    assert capsys.readouterr().out == ""
    wait_for("no Keras process", lambda: not keras_below(nodes[0]))
    with closing(keras_process()):
        (trial,) = trials(data, tmp_path / "here", (int(lost),))
        alone = trial_flow(trial, lambda epoch: None)
    assert follower.results[trial.run.id].epochs == alone.epochs


@pytest.mark.campaign
@pytest.mark.long
def test_cancelled_trial_keeps_a_checkpoint_and_leaves_no_process(
    nodes, prefect_api, data, tmp_path
):
    (trial,) = trials(data, tmp_path, (2,), epochs=5000)
    with trial.run.workspace.in_use(), closing(RayRunner(ray_cluster.connect(None))) as runner:
        attempt = runner.start(trial)
        wait_for("an epoch", attempt.epochs)
        attempt.cancel()
    wait_for("no Keras process", lambda: not keras_below(nodes[0]))
    assert list(tmp_path.glob("checkpoints/*/*.npz"))
    with get_client(sync_client=True) as client:
        (run,) = (run for run in client.read_flow_runs() if run.name == "s2")
    assert run.state_name == "Cancelled"
    assert "sightline" in run.tags, "a run whose command is killed is found and ended"


@pytest.mark.campaign
@pytest.mark.long
def test_shards_are_ingested_on_the_nodes_and_an_error_is_passed_on(nodes, tmp_path, monkeypatch):
    folder = write_folders(tmp_path / "photos", 30, 4, (12, 12, 3)) / "train"
    expected = ingest(Run(id="here", workspace=Workspace(tmp_path / "here")), folder)
    run = Run(id="there", workspace=Workspace(tmp_path / "there"))
    config = DataConfig(dataset=str(folder), shard_images=10)

    def ingest_there():
        with run.workspace.in_use():
            return ingestion.ingest(run, locate.locate(config), config, ingest_on_ray.ingest_on_ray)

    monkeypatch.setattr(ingest_on_ray, "ingest_shard", None)  # nothing is made here
    found = ingest_there()
    assert len(found.shards) > 1
    assert found.model_copy(update={"shards": ()}) == expected
    damaged = sorted(folder.rglob("*.png"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    with pytest.raises(DataError, match=damaged.name):
        ingest_there()


@pytest.mark.campaign
@pytest.mark.long
def test_features_are_computed_on_the_nodes(nodes, tmp_path, monkeypatch):
    photos = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), np.uint8)
    settings = EmbeddingConfig(views=2)

    def embedded(place, images, compute):
        run = Run(id="features", workspace=Workspace(tmp_path / place))
        with run.workspace.in_use():
            arrays = store(run, "arrays", train=photos[:40], test=photos[40:])
            backbone = BackboneConfig(cut="group_7")
            blueprint = keras_process().run(build.build, run, arrays, backbone)
            return embed.embed_in_shards(run, arrays, blueprint, settings, images, compute)

    expected = embedded("here", 1_000, embed.compute_here)
    monkeypatch.setattr(embed_on_ray, "embed_here", None)  # nothing is made here
    found = embedded("there", 8, embed_on_ray.embed_on_ray)
    assert len(found.shards) > 2
    assert found.model_copy(update={"shards": ()}) == expected


@pytest.mark.campaign
@pytest.mark.long
def test_shards_are_predicted_on_the_nodes_and_merged_here(nodes, tmp_path, monkeypatch):
    publish(tmp_path / "artifacts")
    workspace = Workspace(tmp_path / "artifacts")
    write_pictures(tmp_path / "scans", dots(1300))
    model, run = find(workspace, RUN_ID), Run(id="predict", workspace=workspace)
    whole, merged = tmp_path / "whole.parquet", tmp_path / "merged.parquet"
    there, made = predict_on_ray.predict_on_ray, []

    def observe(*arguments):
        there(*arguments)
        made.extend(workspace.root.glob("cache/predict_shard/[!.]*/manifest.json"))

    monkeypatch.setattr(predict_on_ray, "predict_on_ray", observe)
    with closing(keras_process()):
        predict([str(tmp_path / "scans")], model, whole)
        done = predict([str(tmp_path / "scans")], model, merged, 0, run, 500, on_ray=True)
    assert merged.read_bytes() == whole.read_bytes()
    assert done.images == 1300
    assert len(made) == 3
