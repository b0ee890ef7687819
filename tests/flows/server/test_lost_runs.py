from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelling, Completed, Pending, Running

from processes import free_port, wait_for
from sightline.flows.server import lost_runs

PASSED = -10  # Seconds after which every run counts as silent
pytestmark = pytest.mark.usefixtures("prefect_api")


@flow(name="silent")
def silent():
    pass


@pytest.fixture
def client(prefect_api):
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def enter(client):
    """Create a run in a state, by default one of our deployments' runs; end it afterwards."""
    made = []

    def create(state, tags=("sightline",)):
        made.append(client.create_flow_run(silent, tags=tags, state=state).id)
        return made[-1]

    yield create
    for run in made:
        client.delete_flow_run(run)


def found(client, run):
    state = client.read_flow_run(run).state
    return state.name, state.message


@pytest.mark.parametrize(
    ("state", "end"),
    [(Running(), "Crashed"), (Cancelling(), "Cancelled")],
    ids=str,
)
def test_silent_run_is_ended_with_the_cause(client, enter, state, end):
    run = enter(state)
    assert lost_runs.end_silent(client, PASSED) == 1
    name, message = found(client, run)
    assert name == end
    assert f"No sign of life for {PASSED} s" in message


def test_run_that_has_not_started_has_as_much_time_as_a_container(client, enter, monkeypatch):
    run = enter(Pending())
    assert lost_runs.end_silent(client, PASSED) == 0
    monkeypatch.setattr(lost_runs, "_CONTAINER_SECONDS", PASSED)
    assert lost_runs.end_silent(client, PASSED) == 1
    assert found(client, run)[0] == "Crashed"


def test_runs_that_ended_or_are_not_ours_stay_as_they_are(client, enter):
    runs = {enter(Completed()): "Completed", enter(Running(), tags=["other"]): "Running"}
    assert lost_runs.end_silent(client, PASSED) == 0
    assert {run: found(client, run)[0] for run in runs} == runs


@pytest.mark.parametrize("skew", [0, -1], ids=["same clock", "an hour behind"])
def test_heartbeat_ends_the_silence_whatever_the_clock_of_its_machine(client, enter, skew):
    run = client.read_flow_run(enter(Running()))
    silences = [lost_runs._silence(client, run, run.state)]

    def listen():
        silences.append(lost_runs._silence(client, run, run.state))
        return silences[-1] - silences[-2]

    wait_for("the run is silent", lambda: listen() and silences[-1] > timedelta(seconds=8))
    beat = {
        "id": str(uuid4()),
        "occurred": (datetime.now(UTC) + timedelta(hours=skew)).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run.id}"},
    }
    client.request("POST", "/events", json=[beat])
    wait_for("the server stores the heartbeat", lambda: listen() < timedelta(seconds=-2))


def test_flow_ends_what_the_automations_missed(client, enter, monkeypatch, caplog):
    run = enter(Running())
    monkeypatch.setattr(lost_runs, "DEFAULT_SECONDS", PASSED)
    lost_runs.end_missed()
    assert found(client, run)[0] == "Crashed"
    assert "were ended: 1" in caplog.text


def test_flow_goes_on_without_an_answer_of_the_server(caplog):
    away = {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(away):
        lost_runs.end_missed()
    assert "Could not look for lost runs" in caplog.text
