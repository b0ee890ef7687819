import functools
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from faultpoint_root import shared
from processes import answers, wait_for
from sightline.storage import locks


@pytest.fixture(scope="session")
def server_url(environment):
    """The URL of a Prefect API that all tests share, which saves each command its own start."""
    folder = environment["PREFECT_HOME"]
    listener = socket.create_server(("127.0.0.1", 0))
    program = [sys.executable, "-m", "sightline.flows.server.ephemeral"]
    program += [str(listener.fileno()), folder, "0"]
    with (
        subprocess.Popen(program, env=environment, pass_fds=[listener.fileno()]),
        locks.shared(Path(folder, "users.lock"), "in use"),  # then the server ends
    ):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        listener.close()
        wait_for("the server answers", lambda: answers(url))
        yield url


@pytest.fixture(scope="session")
def served_environment(environment, server_url):
    """The environment of commands that use the shared Prefect API."""
    return {**environment, "PREFECT_API_URL": server_url}


@pytest.fixture(scope="session")
def served(sightline, server_url):
    """Run the real command with the shared Prefect API."""
    return functools.partial(sightline, PREFECT_API_URL=server_url)


@pytest.fixture
def finished():
    """The shared pipeline and its complete artifacts root: copy it, never change it."""
    return shared()
