"""Run the `sightline` command: as a process (fixture `sightline`) or inside the test's process."""

import os
import subprocess
from collections.abc import Callable
from unittest.mock import patch

Completed = subprocess.CompletedProcess[str]
Command = Callable[..., Completed]


def invoke(*arguments: str, **environment: str) -> Completed:
    """Run the command in this process, with changes of the environment that end with it."""
    from typer.testing import CliRunner

    from sightline.flows.cli.main import app

    with patch.dict(os.environ, {"COLUMNS": "160", **environment}):
        result = CliRunner().invoke(app, list(arguments))
    return subprocess.CompletedProcess([], result.exit_code, result.stdout, result.stderr)
