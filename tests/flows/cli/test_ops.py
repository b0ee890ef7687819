import os
import re

import pytest
import yaml

from cli import refused, sightline
from command import ROOT
from sightline.flows.server import api

AUTH = "PREFECT_SERVER_API_AUTH_STRING"


@pytest.fixture(autouse=True)
def started(place, monkeypatch):
    """The commands that would have replaced this process, where no server is configured."""
    monkeypatch.setenv("PREFECT_HOME", str(place / "prefect"))
    for name in ("PREFECT_API_URL", AUTH):
        monkeypatch.delenv(name, raising=False)
    commands: list[list[str]] = []

    def execv(program, command):
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(api.os, "execv", execv)
    return commands


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "prefect.example.org", ""])
def test_server_beyond_loopback_needs_a_password(started, host, monkeypatch):
    assert AUTH in refused("ops server --host", host)
    assert started == []
    monkeypatch.setenv(AUTH, "user:password")
    sightline("ops server --host", host)
    assert len(started) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_server_on_loopback_is_started(started, host):
    sightline(f"ops server --host {host} --port 4321")
    (command,) = started
    assert command[3:] == ["sightline.flows.server.shared", "--host", host, "--port", "4321"]


def test_slot_of_a_run_that_never_starts_is_kept_until_the_run_is_ended(monkeypatch):
    """Prefect frees a slot at the end of its lease, and again at the end of the run."""
    lease = "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION"
    monkeypatch.delenv(lease, raising=False)
    sightline("ops server")
    from sightline.flows.server import lost_runs

    slowest = max(one.trigger.within.total_seconds() for one in lost_runs.automations(300))
    assert float(os.environ[lease]) > slowest + 60  # a buffer that Prefect adds
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    assert compose["services"]["server"]["environment"][lease] == os.environ[lease]


@pytest.mark.parametrize("line", ["ops status", "ops install", "datasets watch mnist-5k"])
def test_command_that_needs_a_server_names_the_remedy(line):
    assert re.search(r"sightline ops server.*PREFECT_API_URL", refused(line))


def test_metrics_refuse_an_address_whose_password_their_log_would_show(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://me:s3cret@127.0.0.1:9/api")
    message = refused("ops metrics --textfile metrics.prom")
    assert "PREFECT_API_AUTH_STRING" in message
    assert "s3cret" not in message


def test_metrics_refuse_a_malformed_address(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://[bad/api")
    assert "PREFECT_API_URL is not" in refused("ops metrics --textfile metrics.prom")


def test_server_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert "does not answer" in refused("ops status")


@pytest.mark.parametrize("address", ["not a url", "http://", "ftp://example.org/x", "example.org"])
def test_invalid_webhook_is_refused_without_showing_it(address):
    message = refused("ops install --webhook-url", address)
    assert "is not an http:// or https:// URL" in message
    assert "example.org" not in message
