"""Check how the command line reports a user error: exit code 2 and one message, nothing else."""

import re

from command import Completed

_PREFIX = "Error: "


def message_of(done: Completed) -> str:
    """Check the form of a refusal and return its message."""
    assert done.returncode == 2, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not done.stdout, f"unexpected standard output: {done.stdout}"
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith(_PREFIX), done.stderr
    assert sum(line.startswith(_PREFIX) for line in lines) == 1, done.stderr
    assert not re.search(r"^Epoch \d", done.stderr, re.MULTILINE), "a training started"
    return lines[-1].removeprefix(_PREFIX)


def check_refused(done: Completed, *expected: str) -> None:
    """Check the form of a refusal, and that its message contains all texts."""
    message = message_of(done)
    for text in expected:
        assert text in message, f"expected {text!r} in: {message}"
