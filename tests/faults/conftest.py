from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from command import Command, Completed
from faultpoint_root import Finished, shared
from processes import wait_for
from sightline.pipeline.child import Child


@pytest.fixture(scope="session")
def served(sightline: Command, environment: dict[str, str]) -> Iterator[Command]:
    """The real command with one Prefect server for all tests."""
    with Child("sightline.flows.server.ephemeral", environment=environment) as server:
        message = server.receive()
        assert message is not None
        url = f"http://127.0.0.1:{message['port']}/api"

        def answers() -> bool:
            with suppress(httpx.HTTPError):
                return httpx.get(f"{url}/health").is_success
            return False

        wait_for("the server answers", answers)

        def run(*arguments: str, **changes: str) -> Completed:
            return sightline(*arguments, PREFECT_API_URL=url, **changes)

        run.url = url  # type: ignore[attr-defined]
        yield run


@pytest.fixture
def finished() -> Finished:
    """The shared pipeline and its complete artifacts root: copy it, never change it."""
    return shared()
