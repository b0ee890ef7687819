import shutil
from datetime import datetime
from unittest.mock import MagicMock

import pytest
from prefect.client.orchestration import get_client

from examples import write_npz
from sightline.config import loading
from sightline.data import ingest, locate, preprocess
from sightline.errors import ConfigError, DeviceError, NodeLostError
from sightline.experiments import new_run
from sightline.flows import fit
from sightline.flows.fit import fit_flow
from sightline.models.build import BUILD
from sightline.pipeline import cache
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.storage.workspace import Workspace
from sightline.tasks.flow_runs import RENDEZVOUS_LABEL
from sightline.training.nodes import Nodes, nodes
from sightline.training.train import TRAIN

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """What another run prepared: its root, and the parameters that it hands over."""
    folder = tmp_path_factory.mktemp("shared")
    data = write_npz(folder / "textures.npz")
    config = loading.load("quickstart", overrides=["training.epochs=1"], dataset=str(data))
    run = Run(id="handed-over", workspace=Workspace(folder / "artifacts"))
    files = ingest.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    blueprint = keras_process().run(BUILD.function, run, arrays, config.model)
    parameters = {
        "run_id": run.id,
        "started": run.started.isoformat(),
        "arrays": arrays.model_dump(mode="json"),
        "blueprint": blueprint.model_dump(mode="json"),
        "settings": config.training.model_dump(mode="json"),
    }
    with new_run.claim(run.workspace, run.id):  # as the other run does until it ends
        yield run, parameters


@pytest.fixture(autouse=True)
def worker(work, monkeypatch):
    """The environment of a worker on a machine without a GPU."""
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(work[0].workspace.root))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.delenv("SIGHTLINE_GPU", raising=False)


def test_machine_without_a_gpu_fails_before_any_training(work):
    run, parameters = work
    with pytest.raises(DeviceError, match="SIGHTLINE_GPU"):
        fit_flow(**parameters)
    assert not (run.workspace.root / "cache" / "train").exists()


def test_worker_with_a_copy_of_the_artifacts_root_is_refused_before_any_training(
    work, monkeypatch, tmp_path
):
    """The copy has all files that the training reads, but nobody looks there for its result."""
    copy = shutil.copytree(work[0].workspace.root / "cache", tmp_path / "copy" / "cache").parent
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(copy))
    monkeypatch.setenv("SIGHTLINE_GPU", "optional")
    with pytest.raises(ConfigError, match=r"SIGHTLINE_ARTIFACTS .*same storage"):
        fit_flow(**work[1])
    assert not (copy / "cache" / "train").exists()


def test_worker_with_another_object_storage_is_refused(work, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_GPU", "optional")
    with pytest.raises(ConfigError, match=r"s3://bucket/x.*same storage"):
        fit_flow(**work[1], artifacts="s3://bucket/x")


def test_training_is_found_by_the_key_that_the_flow_ends_with_where_it_is_mounted(
    work, monkeypatch, tmp_path
):
    monkeypatch.setenv("SIGHTLINE_GPU", "optional")
    run, parameters = work
    state = fit_flow(**parameters, return_state=True)
    assert state.is_completed()
    entry = cache.find(run, TRAIN, state.message or "")
    assert entry.record.epochs == 1
    assert entry.record.gpus == ()
    assert entry.made_by == f"{run.id} {datetime.fromisoformat(parameters['started']).isoformat()}"
    mounted = tmp_path / "mounted"
    mounted.symlink_to(run.workspace.root)
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(mounted))
    assert fit_flow(**parameters, return_state=True).is_completed()


@pytest.fixture
def as_node(work, monkeypatch):
    """Run the flow as a node, with something in place of the training; return it and its state."""
    monkeypatch.setenv("SIGHTLINE_GPU", "optional")
    for name in ("NODES", "NODE_RANK", "RENDEZVOUS", "NODES_WAIT"):
        monkeypatch.setenv(f"SIGHTLINE_{name}", "")  # the flow sets them for its own process
    monkeypatch.setattr(fit, "prepare_process", MagicMock())
    slot = MagicMock()
    monkeypatch.setattr(fit, "concurrency", slot)

    def run_flow(node, train):
        monkeypatch.setattr(fit, "train", train)
        state = fit_flow(**work[1], node=node, return_state=True)
        slot.return_value.__enter__.assert_not_called()
        with get_client(sync_client=True) as client:
            return client.read_flow_run(state.state_details.flow_run_id)

    return run_flow


def test_node_0_says_where_it_is_and_alone_returns_the_key(as_node):
    places = []
    first = {"count": 2, "rank": 0, "rendezvous": "", "wait": 60}
    leader = as_node(first, lambda *given: places.append(nodes()))
    address = leader.labels[RENDEZVOUS_LABEL]
    assert address.startswith("127.0.0.1:")
    second = {**first, "rank": 1, "rendezvous": address}
    follower = as_node(second, lambda *given: places.append(nodes()))
    assert places == [Nodes(2, rank, address, wait=60) for rank in (0, 1)]
    assert (leader.name, follower.name) == ("handed-over-node-0", "handed-over-node-1")
    assert len(leader.state.message) == 40
    assert follower.state.is_completed()
    assert not follower.state.message


def test_node_that_lost_another_one_says_so(as_node):
    train = MagicMock(side_effect=NodeLostError("Node 1 of 2 lost the others"))
    state = as_node({"count": 2, "rank": 1, "rendezvous": "localhost:1"}, train).state
    assert (state.is_failed(), state.name) == (True, "NodeLostError")
    assert state.message == "Node 1 of 2 lost the others"
