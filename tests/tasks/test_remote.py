"""The hand-over of a training, against a real Prefect API; the other side is played by hand."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from types import SimpleNamespace
from unittest.mock import Mock

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Completed, Crashed, Failed

import made_runs
from sightline.config import TrainingConfig
from sightline.errors import (
    ConfigError,
    HandoverCancelledError,
    HandoverError,
    HandoverLostError,
)
from sightline.pipeline.cache import find_or_make
from sightline.records import ArraySet, FileRecord, ModelBlueprint, TrainedModel
from sightline.tasks import flow_runs, remote
from sightline.training.train import TRAIN

pytestmark = pytest.mark.usefixtures("prefect_api")

Started = Callable[..., list[FlowRun]]
SETTINGS = TrainingConfig(epochs=1, deployment="other-side/fit")
TWO_NODES = SETTINGS.model_copy(update={"nodes": 2, "devices": "all"})
ADDRESS = "10.0.0.1:29400"
LOST = Failed(name="NodeLostError", message="lost the others")
FILE = FileRecord(path="made/x", sha256="a" * 64, bytes=1)
ARRAYS = ArraySet(class_names=("a", "b"), image_shape=(8, 8, 1), splits={})
BLUEPRINT = ModelBlueprint(
    architecture=FILE, summary=FILE, layers=(), parameters=1, image_shape=(8, 8, 1), num_classes=2
)


@flow(name="other-side")
def other_side(run_id, started, refresh, arrays, blueprint, settings, artifacts, node=None):
    """Stands for the fit flow; nobody runs it, the tests set its state."""


@pytest.fixture(scope="module")
def client(prefect_api):
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(other_side)
        client.create_deployment(flow_id=flow_id, name="fit")
        client.create_deployment(flow_id=flow_id, name="queued", concurrency_limit=1)
        yield client


def entry(run, settings=SETTINGS):
    """Put a result where the other side would put it."""

    def make(draft):
        for name in ("model.keras", "history.parquet"):
            draft.path(name).write_text(name)
        model, history = draft.record("model.keras"), draft.record("history.parquet")
        return made_runs.trained(model=model, history=history)

    key = TRAIN.key(ARRAYS, BLUEPRINT, settings)
    return key, find_or_make(run, TRAIN, key, make)


@pytest.fixture
def started(client, monkeypatch):
    """Do something with the handed-over run as soon as it is there; by default set its state."""
    monkeypatch.setattr(remote, "_POLL_SECONDS", 0)
    begin, begun = remote._start, list[FlowRun]()

    def answer_with(answer=None):
        def begin_and_answer(*arguments):
            begun.append(begin(*arguments))
            if isinstance(answer, State):
                client.set_flow_run_state(begun[0].id, answer, force=True)
            elif answer:
                answer(begun[0].id)
            return begun[0]

        monkeypatch.setattr(remote, "_start", begin_and_answer)
        return begun

    return answer_with


def reading(read_flow_run):
    """Stand in for `get_client`: its answers are a test's."""
    return lambda **options: nullcontext(SimpleNamespace(read_flow_run=read_flow_run))


def hand_over(run, settings=SETTINGS):
    results: list[TrainedModel] = []

    @flow
    def once():
        results.append(remote.fit_elsewhere(run, ARRAYS, BLUEPRINT, settings))

    once()
    return results[0]


def is_cancelled(client, flow_run):
    state = client.read_flow_run(flow_run.id).state
    return state is not None and state.name in {"Cancelling", "Cancelled"}


def test_record_is_taken_back_from_the_shared_root(run, client, started):
    key, made = entry(run)
    begun = started(Completed(message=key))
    assert hand_over(run) == made
    given = client.read_flow_run(begun[0].id).parameters
    assert given["settings"]["deployment"] is None
    assert datetime.fromisoformat(given["started"]) == run.started
    assert str(run.workspace.root) not in str(given)


@pytest.mark.parametrize("message", ["0" * 40, "../../../etc", "", None, "damaged"])
def test_result_that_is_not_there_or_damaged_is_an_error(run, started, message):
    key, made = entry(run)
    (run.workspace.root / made.model.path).write_bytes(b"other")
    started(Completed(message=key if message == "damaged" else message))
    with pytest.raises(HandoverError, match="artifacts root"):
        hand_over(run)


@pytest.mark.parametrize(
    ("state", "kind"),
    [(Crashed(message="gone"), HandoverLostError), (Failed(message="no GPU"), HandoverError)],
)
def test_remote_failure_is_reported_with_its_reason(run, started, state, kind):
    started(state)
    with pytest.raises(HandoverError, match=f"{state.name}: {state.message}") as caught:
        hand_over(run)
    assert caught.type is kind


def test_unknown_deployment_is_named(run, started):
    with pytest.raises(ConfigError, match=r"training\.deployment .*'fit/nowhere'"):
        hand_over(run, SETTINGS.model_copy(update={"deployment": "fit/nowhere"}))


def test_interrupted_run_cancels_the_remote_training(run, client, started, monkeypatch):
    monkeypatch.setattr(remote, "_wait", Mock(side_effect=TimeoutError("as Prefect raises it")))
    begun = started()
    with pytest.raises(TimeoutError):
        hand_over(run)
    assert is_cancelled(client, begun[0])


def test_outage_of_the_server_is_survived_unless_it_is_too_long(run, client, started, monkeypatch):
    key, made = entry(run)
    started(Completed(message=key))
    answers = iter([httpx.ConnectError("away"), httpx.ReadTimeout("busy")])

    def sometimes(flow_run_id):
        if error := next(answers, None):
            raise error
        return client.read_flow_run(flow_run_id)

    monkeypatch.setattr(flow_runs, "get_client", reading(sometimes))
    assert hand_over(run) == made
    monkeypatch.setattr(flow_runs, "_SILENCE_SECONDS", 0)
    answers = iter([httpx.ConnectError("away")])
    with pytest.raises(HandoverLostError, match="0 s"):
        hand_over(run)


def test_pool_without_a_worker_ends_the_wait_and_cancels_the_run(run, client, started, monkeypatch):
    monkeypatch.setattr(remote, "_PATIENCE_SECONDS", 0)
    begun = started()
    with pytest.raises(HandoverError, match="worker"):
        hand_over(run)
    assert is_cancelled(client, begun[0])


def test_deleted_flow_run_is_an_error(run, client, started):
    started(client.delete_flow_run)
    with pytest.raises(HandoverError, match="deleted"):
        hand_over(run)


def test_result_of_different_code_is_used_with_a_warning(run, started, monkeypatch, caplog):
    key, made = entry(run)
    monkeypatch.setenv("KERAS_BACKEND", "another")
    started(Completed(message=key))
    assert hand_over(run) == made
    assert "libraries or another backend" in caplog.text


def test_wait_for_a_worker_is_logged_with_what_to_do(run, client, monkeypatch, caplog, started):
    monkeypatch.setattr(remote, "_WARN_SECONDS", 0)
    started()
    key, _ = entry(run)
    seen: list[int] = []

    def after_a_while(flow_run_id):
        seen.append(1)
        if len(seen) == 3:
            client.set_flow_run_state(flow_run_id, Completed(message=key), force=True)
        return client.read_flow_run(flow_run_id)

    monkeypatch.setattr(flow_runs, "get_client", reading(after_a_while))
    hand_over(run)
    assert "`sightline ops status`" in caplog.text


@pytest.fixture
def two_nodes(client, monkeypatch):
    """Let node 0 say where the nodes meet; give both their states once node 1 is started."""
    monkeypatch.setattr(remote, "_POLL_SECONDS", 0)
    monkeypatch.setattr(remote, "_GRACE_SECONDS", 0)
    begin, begun = remote._start, list[FlowRun]()

    def end_with(*states):
        def begin_and_play(*arguments):
            begun.append(begin(*arguments))
            if len(begun) == 1:
                labels = {flow_runs.RENDEZVOUS_LABEL: ADDRESS}
                client.update_flow_run_labels(begun[0].id, labels)
                return begun[0]
            for one, state in zip(begun, states, strict=True):
                if state is not None:
                    client.set_flow_run_state(one.id, state, force=True)
            return begun[1]

        monkeypatch.setattr(remote, "_start", begin_and_play)
        return begun

    return end_with


def test_node_0_is_started_first_and_says_where_the_others_meet_it(run, client, two_nodes):
    key, made = entry(run, TWO_NODES)
    begun = two_nodes(Completed(message=key), Completed())
    assert hand_over(run, TWO_NODES) == made
    given = [client.read_flow_run(one.id).parameters for one in begun]
    assert [(one["node"]["rank"], one["node"]["rendezvous"]) for one in given] == [
        (0, ""),
        (1, ADDRESS),
    ]
    for one in given:
        assert (one["node"]["count"], one["node"]["wait"]) == (2, remote._PATIENCE_SECONDS)
        assert (one["settings"]["nodes"], one["settings"]["deployment"]) == (1, None)


@pytest.mark.parametrize(
    ("states", "kind", "cause"),
    [
        ((None, Crashed(message="gone")), HandoverLostError, "Crashed: gone"),
        ((Failed(message="odd"), Crashed(message="gone")), HandoverLostError, "Crashed: gone"),
        ((LOST, None), HandoverLostError, "NodeLostError: lost the others"),
        ((LOST, Failed(message="no GPU")), HandoverError, "Failed: no GPU"),
        ((None, Cancelled(message="by hand")), HandoverCancelledError, "Cancelled: by hand"),
    ],
)
def test_node_that_fails_ends_the_others_and_is_named_as_the_cause(
    run, client, two_nodes, states, kind, cause
):
    begun = two_nodes(*states)
    with pytest.raises(HandoverError, match=cause) as caught:
        hand_over(run, TWO_NODES)
    assert caught.type is kind
    for one, state in zip(begun, states, strict=True):
        assert state is not None or is_cancelled(client, one)


def test_deployment_that_would_run_one_node_after_the_other_is_refused(run, client, two_nodes):
    begun = two_nodes(None, None)
    with pytest.raises(ConfigError, match=r"queued runs 1 at a time.*fit/fit-node"):
        hand_over(run, TWO_NODES.model_copy(update={"deployment": "other-side/queued"}))
    (leader,) = begun
    assert is_cancelled(client, leader)
