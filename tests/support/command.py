"""Run commands: `sightline` in the test's process, any other as a process; check refusals."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_PREFIX = "Error: "

Completed = subprocess.CompletedProcess[str]
Command = Callable[..., Completed]


def execute(*command: object, env: Mapping[str, str] | None = None, **options: Any) -> Completed:
    """Run a process and return its exit code and what it wrote."""
    return subprocess.run(
        list(map(str, command)), env=env, capture_output=True, text=True, check=False, **options
    )


def invoke(*arguments: str, **environment: str) -> Completed:
    """Run `sightline` in this process, with changes of the environment that end with it."""
    from typer.testing import CliRunner

    from sightline.flows.cli.main import app

    with patch.dict(os.environ, {"COLUMNS": "160", **environment}):
        result = CliRunner().invoke(app, list(arguments))
    return subprocess.CompletedProcess([], result.exit_code, result.stdout, result.stderr)


class _Unneeded:
    """Stands in for the private server."""

    def wait(self) -> None:
        raise AssertionError("the training was not refused")


@contextmanager
def refusing() -> Iterator[None]:
    """Start neither a private server nor Keras: the training is refused before it needs them."""
    from sightline.flows.server import api
    from sightline.pipeline.process import KerasProcess

    with (
        patch.object(api, "reach", lambda **_: _Unneeded()),
        patch.object(KerasProcess, "start"),
    ):
        yield


def check_refused(done: Completed, *expected: str) -> None:
    """Check for exit code 2 and one message that contains all texts, and nothing else."""
    assert done.returncode == 2, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not done.stdout, f"unexpected standard output: {done.stdout}"
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith(_PREFIX), done.stderr
    assert sum(line.startswith(_PREFIX) for line in lines) == 1, done.stderr
    assert not re.search(r"^Epoch \d", done.stderr, re.MULTILINE), "a training started"
    for text in expected:
        assert text in lines[-1], f"expected {text!r} in: {lines[-1]}"
