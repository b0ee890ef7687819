import functools

import pytest

from faultpoint_root import shared
from processes import answers, wait_for
from sightline.pipeline.child import Child


@pytest.fixture(scope="session")
def server_url(environment):
    """The URL of a Prefect API that all tests share, which saves each command its own start."""
    with Child("sightline.flows.server.ephemeral", environment=environment) as server:
        message = server.receive()
        assert message is not None
        url = f"http://127.0.0.1:{message['port']}/api"
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
