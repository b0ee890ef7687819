import sys
import threading
import time
from types import SimpleNamespace

import pytest
from prefect.settings import (
    PREFECT_WORKER_WEBSERVER_HOST,
    PREFECT_WORKER_WEBSERVER_PORT,
    temporary_settings,
)
from prefect.workers.server import build_healthcheck_server

from command import ROOT, execute


class Worker(SimpleNamespace):
    """The part of a worker that its health server calls."""

    def is_worker_still_polling(self, query_interval_seconds):
        return bool(self.polling)


@pytest.fixture
def worker():
    """A stand-in for a worker behind Prefect's real health server."""
    settings = {PREFECT_WORKER_WEBSERVER_HOST: "127.0.0.1", PREFECT_WORKER_WEBSERVER_PORT: 0}
    worker = Worker(polling=True)
    with temporary_settings(settings):
        server = build_healthcheck_server(worker, query_interval_seconds=10)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    worker.port = server.servers[0].sockets[0].getsockname()[1]
    yield worker
    server.should_exit = True
    thread.join()


def ask(port, *arguments):
    """Run the script as the image's health check does, with a proxy that it must not use."""
    environment = {"PREFECT_WORKER_WEBSERVER_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return execute(
        sys.executable, ROOT / "deploy/health.py", *arguments, env=environment
    ).returncode


def test_worker_is_healthy_while_it_polls(worker):
    assert ask(worker.port) == 0
    worker.polling = False
    assert ask(worker.port) == 1
    assert ask(9) == 1, "there is no worker"


def test_url_can_be_given(worker):
    assert ask(9, f"http://127.0.0.1:{worker.port}/health") == 0
    assert ask(worker.port, f"http://127.0.0.1:{worker.port}/missing") == 1
