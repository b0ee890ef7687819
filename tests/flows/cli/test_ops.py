import re
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from sightline.flows.cli.main import app
from sightline.flows.server import api


@pytest.fixture(autouse=True)
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have replaced this process."""
    commands: list[list[str]] = []

    def execv(program: str, command: list[str]) -> NoReturn:
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(api.os, "execv", execv)
    return commands


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "prefect.example.org", ""])
def test_server_beyond_loopback_without_a_password_is_refused(
    started: list[list[str]], host: str
) -> None:
    done = invoke("ops", "server", "--host", host)
    assert done.exit_code == 2
    assert "PREFECT_SERVER_API_AUTH_STRING" in " ".join(done.stderr.split())
    assert started == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_server_on_loopback_is_started(started: list[list[str]], host: str) -> None:
    assert invoke("ops", "server", "--host", host, "--port", "4321").exit_code == 0
    (command,) = started
    assert command[1:] == ["server", "start", "--host", host, "--port", "4321"]


def test_server_beyond_loopback_with_a_password_is_started(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "user:password")
    assert invoke("ops", "server", "--host", "0.0.0.0").exit_code == 0
    assert len(started) == 1


@pytest.mark.parametrize(
    "command", [("ops", "status"), ("ops", "install"), ("datasets", "watch", "mnist-5k")]
)
def test_command_that_needs_a_server_names_the_remedy(command: tuple[str, ...]) -> None:
    done = invoke(*command)
    assert done.exit_code == 2
    assert re.search(r"make server.*PREFECT_API_URL", " ".join(done.stderr.split()))


def test_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    done = invoke("ops", "status")
    assert done.exit_code == 2
    assert "does not answer" in " ".join(done.stderr.split())


@pytest.mark.parametrize("address", ["not a url", "http://", "ftp://example.org/x", "example.org"])
def test_invalid_webhook_is_refused_without_showing_it(address: str) -> None:
    done = invoke("ops", "install", "--webhook-url", address)
    assert done.exit_code == 2
    text = " ".join(done.stderr.split())
    assert "is not an http:// or https:// URL" in text
    assert "example.org" not in text
