"""Others that are at work under an artifacts root: another process, a thread that waits."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import pathlib, sys
from sightline.storage.workspace import Workspace
with Workspace(pathlib.Path(sys.argv[1])).in_use():
    print("at work", flush=True)
    sys.stdin.read()
"""


@contextmanager
def at_work_elsewhere(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process and yield it once it is at work; end it afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"at work\n"
        yield process
        process.kill()


@contextmanager
def somebody_waits() -> Iterator[threading.Event]:
    """Yield an event that is set once somebody says that a lock is waited for."""
    said = threading.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Waiting"):
                said.set()

    ear, logger = Ear(), logging.getLogger("sightline.storage.locks")
    logger.addHandler(ear)
    yield said
    logger.removeHandler(ear)
