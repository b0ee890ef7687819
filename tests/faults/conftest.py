import functools
from collections.abc import Iterator

import pytest

from command import Command
from faultpoint_root import Finished, shared
from processes import answers, wait_for
from sightline.pipeline.child import Child


@pytest.fixture(scope="session")
def server_url(environment: dict[str, str]) -> Iterator[str]:
    """The URL of a Prefect API that all tests share, which saves each command its own start."""
    with Child("sightline.flows.server.ephemeral", environment=environment) as server:
        message = server.receive()
        assert message is not None
        url = f"http://127.0.0.1:{message['port']}/api"
        wait_for("the server answers", lambda: answers(url))
        yield url


@pytest.fixture(scope="session")
def served_environment(environment: dict[str, str], server_url: str) -> dict[str, str]:
    """The environment of commands that use the shared Prefect API."""
    return {**environment, "PREFECT_API_URL": server_url}


@pytest.fixture(scope="session")
def served(sightline: Command, server_url: str) -> Command:
    """Run the real command with the shared Prefect API."""
    return functools.partial(sightline, PREFECT_API_URL=server_url)


@pytest.fixture
def finished() -> Finished:
    """The shared pipeline and its complete artifacts root: copy it, never change it."""
    return shared()
