"""The command `sightline models`, and a store for it."""

from pathlib import Path

from typer.testing import CliRunner, Result

import runs_to_promote
from runs_to_promote import decide
from sightline import registry
from sightline.flows.cli.main import app
from sightline.storage.workspace import Workspace

HOSTILE = "[bold]x[/bold] \x1b[2J <script>"


def promote(root: Path, name: str, dataset: str = "mnist") -> None:
    """Make a version of a run, and the champion of it."""
    version = registry.register(Workspace(root), runs_to_promote.publish(root, name, dataset))
    champion = registry.aliases(Workspace(root), dataset).champion
    registry.promote(Workspace(root), version, HOSTILE, decide(name, champion), champion)


def invoke(*arguments: str) -> Result:
    """Run `sightline models` with these arguments."""
    return CliRunner().invoke(app, ["models", *arguments])


def refused(*arguments: str, code: int = 2) -> str:
    """Run it, see that it ends with the code, and return what it said."""
    done = invoke(*arguments)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return " ".join(done.stderr.split())
