"""The command `sightline models`."""

from pathlib import Path

from typer.testing import CliRunner, Result

import runs_to_promote
from sightline.flows.cli.main import app

HOSTILE = "[bold]x[/bold] \x1b[2J <script>"


def promote(root: Path, run_id: str, dataset: str = "mnist") -> None:
    """Make a run's model the champion, for a hostile reason."""
    runs_to_promote.promote(root, run_id, dataset, HOSTILE)


def invoke(*arguments: str) -> Result:
    """Run `sightline models` with these arguments."""
    return CliRunner().invoke(app, ["models", *arguments])


def refused(*arguments: str, code: int = 2) -> str:
    """Run it, check the exit code, and return what it wrote to stderr."""
    done = invoke(*arguments)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return " ".join(done.stderr.split())
