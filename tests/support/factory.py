"""Fixtures of a complete set-up: Prefect server on PostgreSQL, deployments, workers, webhook."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import postgres
from command import Completed
from examples import write_npz
from processes import free_port, wait_for
from stack import Json, Stack, stack


@pytest.fixture(scope="session")
def webhook() -> Iterator[tuple[str, list[str]]]:
    """An incoming webhook on loopback: its URL and the received texts."""
    texts: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            texts.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Stay quiet."""

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{receiver.server_port}/hook-s3cret", texts
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture(scope="session")
def factory(
    environment: dict[str, str],
    webhook: tuple[str, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A Prefect server on PostgreSQL, without pools and workers yet."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")
    with postgres.running(free_port()) as database:
        settings = {**environment, "SIGHTLINE_WEBHOOK_URL": webhook[0]}
        yield from stack(tmp_path_factory.mktemp("factory"), settings, database)


@pytest.fixture(scope="session")
def deployed(factory: Stack) -> Completed:
    """The result of `make deploy`, before there is any worker."""
    done = factory.make("deploy")
    # Three heartbeats; the default of five minutes would make the tests as long.
    assert factory.command("sightline", "ops", "install", "--lost-after=90").returncode == 0
    return done


@pytest.fixture(scope="session")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small custom data set."""
    return write_npz(tmp_path_factory.mktemp("textures") / "textures.npz")


@pytest.fixture(scope="session")
def idle(factory: Stack, deployed: Completed) -> Completed:
    """The result of `sightline ops status` before there is a worker."""
    return factory.command("sightline", "ops", "status", COLUMNS="200")


@pytest.fixture(scope="session")
def abandoned(factory: Stack, deployed: Completed, idle: Completed, textures: Path) -> str:
    """A run whose worker and process were killed at once, as in a power failure."""
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    worker = factory.start_worker("cpu")
    parameters = {"dataset": str(textures), "epochs": 10_000, "deployment": ""}
    flow_run = factory.start("train/train-nightly", **parameters)
    wait_for("the run trains", lambda: in_stage(factory, flow_run, "train"))
    factory.power_off(worker)
    return flow_run


@pytest.fixture(scope="session")
def workers(factory: Stack, abandoned: str) -> Stack:
    """The factory with one worker per pool."""
    for pool in ("cpu", "gpu"):
        factory.start_worker(pool)
    return factory


@pytest.fixture(scope="session")
def reported(workers: Stack, abandoned: str, webhook: tuple[str, list[str]]) -> tuple[Json, str]:
    """The abandoned run once it is Crashed, and the message that the webhook received.

    Tests that stop the server wait for this first: events during an outage are not reported.
    """
    found = workers.finish(abandoned)
    text: str = wait_for(
        "the webhook is called", lambda: next((t for t in webhook[1] if found["name"] in t), None)
    )
    return found, text


def in_stage(running: Stack, flow_run: str, stage: str) -> bool:
    """Return whether a run is in a stage, by its label."""
    found = running.run(flow_run)
    assert found["state"]["type"] not in {"FAILED", "CRASHED"}, running.tail()
    return bool(found["labels"].get("sightline.stage") == stage)
