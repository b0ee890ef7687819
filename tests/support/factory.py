"""Fixtures of a complete set-up: Prefect server on PostgreSQL, deployments, workers, webhook."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import HTTPServer
from pathlib import Path

import pytest

import postgres
from command import Completed
from examples import write_npz
from processes import QuietHandler, cut_power, free_port, serving, wait_for
from stack import Json, Stack

Webhook = tuple[str, list[str]]  # its URL and the received texts


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    """An incoming webhook on loopback."""
    texts: list[str] = []

    class Receiver(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            texts.append(json.loads(body)["text"])
            self.answer(200)

    with serving(HTTPServer(("127.0.0.1", 0), Receiver)) as address:
        yield f"{address}/hook-s3cret", texts


@pytest.fixture(scope="session")
def database() -> Iterator[postgres.Database]:
    """The database of the factory's server."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")
    with postgres.running(free_port()) as running:
        yield running


@pytest.fixture(scope="session")
def factory(
    environment: dict[str, str],
    webhook: Webhook,
    database: postgres.Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A Prefect server on PostgreSQL, without pools and workers yet."""
    settings = {
        **environment,
        "SIGHTLINE_WEBHOOK_URL": webhook[0],
        "PREFECT_API_DATABASE_CONNECTION_URL": database.url,
    }
    running = Stack(tmp_path_factory.mktemp("factory"), settings)
    with closing(running):
        yield running


@pytest.fixture(scope="session")
def deployed(factory: Stack) -> Completed:
    """The result of `make deploy`, before there is any worker."""
    done = factory.execute("make", "deploy")
    # Three heartbeats; the default of five minutes would make the tests as long.
    assert factory.sightline("ops", "install", "--lost-after=90").returncode == 0
    return done


@pytest.fixture(scope="session")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small custom data set."""
    return write_npz(tmp_path_factory.mktemp("textures") / "textures.npz")


@pytest.fixture(scope="session")
def idle(factory: Stack, deployed: Completed) -> Completed:
    """The result of `sightline ops status` before there is a worker."""
    return factory.sightline("ops", "status", COLUMNS="200")


@pytest.fixture(scope="session")
def abandoned(factory: Stack, deployed: Completed, idle: Completed, textures: Path) -> str:
    """A run whose worker and process were killed at once, as in a power failure."""
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    worker = factory.start_worker("cpu")
    asked = {"dataset": str(textures), "epochs": 10_000, "deployment": ""}
    flow_run = factory.start("train/train-nightly", **asked)

    def is_training() -> bool:
        found = factory.run(flow_run)
        assert found["state"]["type"] not in {"FAILED", "CRASHED"}, factory.tail()
        return bool(found["labels"].get("sightline.stage") == "train")

    wait_for("the run trains", is_training)
    cut_power(worker.pid)
    worker.wait()
    factory.workers.remove(worker)
    return flow_run


@pytest.fixture(scope="session")
def workers(factory: Stack, abandoned: str) -> Stack:
    """The factory with one worker per pool."""
    for pool in ("cpu", "gpu"):
        factory.start_worker(pool)
    return factory


@pytest.fixture(scope="session")
def manual(workers: Stack, textures: Path) -> Json:
    """A manual run whose training runs on the pool gpu."""
    asked = {"dataset": str(textures), "epochs": 2, "batch_size": 8}
    return workers.complete("train/train-manual", **asked, deployment="fit/fit-gpu")


@pytest.fixture(scope="session")
def reported(workers: Stack, abandoned: str, webhook: Webhook) -> tuple[Json, str]:
    """The abandoned run once it is Crashed, and the message that the webhook received.

    Tests that stop the server wait for this first: events during an outage are not reported.
    """
    found = workers.finish(abandoned)
    return found, call_about(found, webhook[1])


def call_about(run: Json, texts: list[str]) -> str:
    """Wait until the webhook receives a text about a run."""
    found = wait_for("the webhook is called", lambda: [one for one in texts if run["name"] in one])
    return str(found[0])
