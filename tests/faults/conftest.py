import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from command import Command, Completed
from processes import wait_for


@pytest.fixture(scope="session")
def served(sightline: Command, environment: dict[str, str]) -> Iterator[Command]:
    """The real command with one Prefect server for all tests, which saves each its own start."""
    with subprocess.Popen(
        [sys.executable, "-m", "sightline.flows.server.ephemeral"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/api"

        def answers() -> bool:
            with suppress(httpx.HTTPError):
                return httpx.get(f"{url}/health").is_success
            return False

        wait_for("the server answers", answers)

        def run(*arguments: str, **changes: str) -> Completed:
            return sightline(*arguments, PREFECT_API_URL=url, **changes)

        run.url = url  # type: ignore[attr-defined]
        yield run
        server.communicate()  # it ends with its standard input
