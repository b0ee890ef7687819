from datetime import UTC, datetime, timedelta
from http.server import HTTPServer

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Failed, Pending, Running, Scheduled
from prometheus_client import generate_latest

from processes import QuietHandler, free_port, serving
from runs_to_promote import decide, promote, register
from sightline import registry
from sightline.flows.deployments import train
from sightline.flows.server import metrics
from sightline.flows.server.metrics import Metrics
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    """A champion and a candidate that was refused."""
    found = Workspace(tmp_path / "artifacts")
    promote(found.root, "run-1")
    version = register(found.root, "run-2")
    registry.refuse(found, version, decide("run-2", "mnist-v1", promote=False))
    return found


def scrape(metrics):
    """Read all samples: the text before the value, and the value."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def read(workspace, *, with_prefect=False):
    metrics = Metrics(workspace, with_prefect=with_prefect)
    metrics.refresh()
    return scrape(metrics)


def test_champion_gate_runs_and_disk_are_read_from_the_artifacts(workspace):
    found = read(workspace)
    of_champion = '{dataset="mnist",version="mnist-v1"}'
    assert found[f"sightline_champion_accuracy{of_champion}"] == 0.99
    assert found[f"sightline_champion_accuracy_low{of_champion}"] < 0.99
    since = found[f"sightline_champion_registered_timestamp_seconds{of_champion}"]
    assert abs(since - datetime.now(UTC).timestamp()) < 3600
    for action in ("promote", "refuse"):
        assert found[f'sightline_gate_decisions_total{{action="{action}",dataset="mnist"}}'] == 1
    assert found['sightline_gate_refused_in_a_row{dataset="mnist"}'] == 1
    assert found["sightline_disk_free_bytes"] > 0
    assert found['sightline_up{source="artifacts"}'] == 1
    assert not [name for name in found if "flow_run" in name or 'source="prefect"' in name]
    assert found['sightline_run_accuracy{dataset="mnist",recipe="tutorial"}'] == 0.99


def test_damaged_registry_costs_its_own_metrics_only(workspace):
    (workspace.root / "models/mnist/audit/000001.json").write_bytes(b"{}")
    found = read(workspace)
    assert found['sightline_registry_damaged{dataset="mnist"}'] == 1
    assert found['sightline_up{source="artifacts"}'] == 1
    assert not [name for name in found if "champion_accuracy" in name]


def test_queue_and_last_runs_are_read_from_the_server(workspace, prefect_api, monkeypatch):
    monkeypatch.setattr(
        metrics, "_MOST_FLOW_RUNS", 2
    )  # Fewer than the runs of another that ended since
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(train), "train-nightly")
        other = client.create_deployment(client.create_flow(train), "train-manual")

        def enter(*states, of=deployment):
            run = client.create_flow_run_from_deployment(
                of, state=Scheduled(scheduled_time=now - timedelta(seconds=90))
            )
            for state in states:
                client.set_flow_run_state(run.id, state, force=True)

        enter(Pending(), Running(), Failed())
        enter(Pending(), Running(), Completed())
        enter(Pending(), Running())
        enter(Scheduled(name="AwaitingConcurrencySlot", scheduled_time=now))
        for _ in range(3):
            enter(Pending(), Running(), Completed(), of=other)
        found = read(workspace, with_prefect=True)
        client.delete_deployment(deployment)
        client.delete_deployment(other)
    assert found['sightline_up{source="prefect"}'] == 1
    of = 'deployment="train-nightly"'
    for state in ("Running", "AwaitingConcurrencySlot"):
        assert found[f'sightline_flow_runs{{{of},state="{state}"}}'] == 1
    assert 90 <= found[f"sightline_flow_run_waiting_seconds{{{of}}}"] < 3600
    assert 90 <= found[f"sightline_flow_run_queue_seconds{{{of}}}"] < 3600
    ends = [name for name in found if "_run_end_timestamp" in name and of in name]
    assert ends == [f'sightline_flow_run_end_timestamp_seconds{{{of},state="Completed"}}']


class Counting(QuietHandler):
    """A server whose database is away."""

    requests, status = 0, 500

    def do_POST(self):
        type(self).requests += 1
        self.answer(self.status)

    do_GET = do_POST


def test_scrape_asks_nobody_and_works_while_the_server_is_away(workspace, caplog):
    metrics = Metrics(workspace, with_prefect=True)
    with (
        serving(HTTPServer(("127.0.0.1", 0), Counting)) as address,
        temporary_settings({PREFECT_API_URL: f"{address}/api"}),
    ):
        metrics.refresh()
        asked = Counting.requests
        assert asked == 1, "no repetition"
        for _ in range(3):
            found = scrape(metrics)
        assert Counting.requests == asked
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        metrics.refresh()
    assert scrape(metrics)['sightline_up{source="prefect"}'] == 0
    assert found['sightline_up{source="prefect"}'] == 0
    assert found['sightline_champion_accuracy{dataset="mnist",version="mnist-v1"}'] == 0.99
    assert caplog.text.count("cannot be read") == 1, "one warning an outage"


class Stranger(Counting):
    """A server that is not Prefect's."""

    status = 200


def test_answer_of_another_server_is_none_of_prefect(workspace):
    with (
        serving(HTTPServer(("127.0.0.1", 0), Stranger)) as address,
        temporary_settings({PREFECT_API_URL: f"{address}/api"}),
    ):
        assert read(workspace, with_prefect=True)['sightline_up{source="prefect"}'] == 0
