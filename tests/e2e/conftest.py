import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, Completed

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user without any configuration, with a Prefect home of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "SIGHTLINE_"))
    }
    return {**kept, "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")), "COLUMNS": "160"}


@pytest.fixture(scope="session")
def sightline(environment: dict[str, str]) -> Command:
    """Run the real command and return what it did."""

    def run(*arguments: str, **changes: str) -> Completed:
        return subprocess.run(
            [str(BIN / "sightline"), *arguments],
            env={**environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
