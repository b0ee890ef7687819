"""Shards on a deployment, against a real Prefect API; the workers are played by hand."""

import shutil
from functools import partial

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Completed, Crashed, Failed

from examples import write_folders
from sightline.config import DataConfig
from sightline.data import ingest, locate
from sightline.data.sharding.shard import INGEST_SHARD, ingest_shard
from sightline.errors import ConfigError, DataError, HandoverError, HandoverLostError
from sightline.flows.shard import shard_flow
from sightline.records import Run, Shard
from sightline.storage.workspace import Workspace
from sightline.tasks import flow_runs, shards
from sightline.tasks import ingest as tasks

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture(scope="module")
def client(prefect_api):
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(shard_flow)
        client.create_deployment(flow_id=flow_id, name="by-hand")
        yield client


@pytest.fixture
def work(client, monkeypatch):
    """Answer each flow run as soon as it is started; return all that were started."""
    monkeypatch.setattr(shards, "_POLL_SECONDS", 0)
    start, started = flow_runs.start, []

    def work_with(answer):
        def start_and_answer(*arguments, **options):
            found = start(*arguments, **options)
            started.append(found)
            shard = Shard.model_validate(client.read_flow_run(found.id).parameters["shard"])
            if state := answer(shard, len(started)):
                client.set_flow_run_state(found.id, state, force=True)
            return found

        monkeypatch.setattr(flow_runs, "start", start_and_answer)
        return started

    return work_with


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("data") / "photos", 60, 20, (12, 12, 3))


@pytest.fixture
def taken(run, photos):
    """Ingest on the deployment, by default without the task and its retries."""

    def take(deployment="shard/by-hand", call=None):
        found = []
        elsewhere = partial(shards.compute_elsewhere, INGEST_SHARD, deployment=deployment)

        @flow
        def once():
            config = DataConfig(dataset=str(photos), shard_images=20, shard_deployment=deployment)
            given = (run, locate.locate(config), config)
            found.append(call(*given) if call else ingest.ingest(*given, elsewhere))

        once()
        return found[0]

    return take


def ingested(run):
    def answer(shard, _):
        ingest_shard(run, shard)
        return Completed(message=INGEST_SHARD.key(shard))

    return answer


def test_shards_that_are_not_in_the_cache_are_ingested_elsewhere(
    run, photos, taken, work, tmp_path
):
    config = DataConfig(dataset=str(photos))
    other = Run(id="whole", workspace=Workspace(tmp_path / "whole"))
    expected = ingest.ingest(other, locate.locate(config), config)
    started = work(ingested(run))
    found = taken(call=tasks.ingest)
    assert found.model_copy(update={"shards": ()}) == expected
    assert 2 < len(started) == len(found.shards)
    shutil.rmtree(run.workspace.root / "cache" / "ingest")
    shutil.rmtree(run.workspace.root / found.shards[1])
    assert taken() == found
    assert len(started) == len(found.shards) + 1


def test_worker_with_another_artifacts_root_refuses_a_shard(run, taken, work, monkeypatch):
    started = work(ingested(run))
    taken()
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", "/elsewhere")
    state = shard_flow(**started[0].parameters, return_state=True)
    assert state.name == "ArtifactsRootError"


def test_lost_shard_is_begun_again_alone(run, taken, work):
    def answer(shard, number):
        contents.append(shard.content)
        if contents[1:] and shard.content == contents[1] and contents.count(shard.content) < 3:
            return Crashed(message="killed")
        return ingested(run)(shard, number)

    contents: list[str] = []
    started = work(answer)
    found = taken()
    assert contents.count(contents[1]) == 3
    assert len({one.id for one in started}) == len(contents) == len(found.shards) + 2


def test_shard_that_is_lost_again_and_again_ends_the_ingest(taken, work):
    started = work(lambda *_: Crashed(message="killed"))
    with pytest.raises(HandoverLostError, match="killed"):
        taken()
    contents = [one.parameters["shard"]["content"] for one in started]
    assert contents.count(contents[0]) == 3


def test_error_of_a_shard_is_passed_on_and_the_others_are_cancelled(client, taken, work):
    def answer(_, number):
        return Failed(name="DataError", message="cat/1.png is damaged") if number == 1 else None

    started = work(answer)
    with pytest.raises(DataError, match=r"cat/1\.png"):
        taken()
    states = [client.read_flow_run(one.id).state.name for one in started[1:]]
    assert set(states) <= {"Cancelling", "Cancelled"}


def test_flow_run_that_was_deleted_ends_the_ingest(client, taken, work):
    def delete_first(_, number):
        if number == 1:
            client.delete_flow_run(started[0].id)

    started = work(delete_first)
    with pytest.raises(HandoverError, match="was deleted on the server"):
        taken()


def test_result_that_is_missing_here_is_an_error(taken, work):
    work(lambda *_: Completed(message="elsewhere"))
    with pytest.raises(HandoverError, match="SIGHTLINE_ARTIFACTS"):
        taken()


def test_unknown_deployment_is_named(taken):
    with pytest.raises(ConfigError, match=r"data\.shard_deployment"):
        taken("shard/unknown")


def test_server_that_stays_away_is_an_error(client, taken, work, monkeypatch):
    def away(**_):
        raise httpx.ConnectError("away")

    work(lambda *_: None)
    monkeypatch.setattr(shards, "get_client", away)
    monkeypatch.setattr(shards, "_SILENCE_SECONDS", 0)
    with pytest.raises(HandoverLostError, match="0 s"):
        taken()


def test_shards_without_a_worker_end_with_what_to_do(taken, work, monkeypatch, caplog):
    work(lambda *_: None)
    monkeypatch.setattr(shards, "_WARN_SECONDS", 0)
    monkeypatch.setattr(shards, "_PATIENCE_SECONDS", 0)
    with pytest.raises(HandoverError, match="ops status"):
        taken()
