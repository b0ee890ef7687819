"""`sightline` in the test's process, given as a line that a person types."""

import shlex

from typer.testing import CliRunner, Result

from sightline.flows.cli.main import app


def sightline(line: str, *arguments: str, code: int = 0) -> Result:
    """Run a line and further arguments, and check the exit code."""
    done = CliRunner().invoke(app, [*shlex.split(line), *arguments])
    assert done.exit_code == code, done.output
    return done


def refused(line: str, *arguments: str) -> str:
    """Run what must be refused with one message, and return the message as one line."""
    done = sightline(line, *arguments, code=2)
    assert done.stdout == ""
    message = " ".join(done.stderr.split())
    assert message.startswith(("Error: ", "Usage: ")), message
    assert "Traceback" not in message
    return message
