"""Other users of an artifacts root: another process, a thread that waits."""

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
    print("in use", flush=True)
    sys.stdin.read()
"""


@contextmanager
def used_elsewhere(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that uses the workspace, yield it, and kill it afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in use\n"
        yield process
        process.kill()


@contextmanager
def lock_wait() -> Iterator[threading.Event]:
    """Yield an event that is set when a wait for a lock is logged."""
    logged = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Waiting"):
                logged.set()

    listener, logger = Listener(), logging.getLogger("sightline.storage")
    logger.addHandler(listener)
    yield logged
    logger.removeHandler(listener)
