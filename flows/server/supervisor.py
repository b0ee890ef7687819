"""Keeps a worker running: starts it again when it has died, until it is asked to end.

A program of its own, which imports next to nothing: it takes 13 MB for as long as the worker lives.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from sightline.pipeline.child import describe_exit

_FIRST_SECONDS, _MOST_SECONDS = 1, 60  # Waits before a restart: doubled after each early death
_HEALTHY_SECONDS = 60  # A worker that lived as long is started again after the first wait
_POLL_SECONDS = 0.2
_USAGE = 2  # Exit code of a command with wrong options
_SETTINGS = {
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    # A server without its database answers 500, which would end a worker within minutes
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
}


def supervise(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the supervisor of a worker with these arguments of `prefect`."""
    os.execv(sys.executable, _program(__name__, arguments))  # noqa: S606 - replaces this process


def _program(module: str, arguments: Sequence[str]) -> list[str]:
    # -P: a file in the user's folder must not stand in for a library.
    return [sys.executable, "-P", "-m", module, *arguments]


class Supervisor:
    """Runs a command again and again, one at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        """Take the command that runs a worker."""
        self._command = command
        self._worker: subprocess.Popen[bytes] | None = None
        self._asked: int | None = None  # Signal that asked for the end

    def run(self) -> None:
        """Return when SIGINT, SIGTERM or SIGHUP asked for the end and the worker has ended.

        Exits as the worker does if its options are wrong.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        wait = _FIRST_SECONDS
        while self._asked is None:
            began = time.monotonic()
            code = self._run_once()
            if self._asked is not None:
                return
            if code == _USAGE:  # it has said what; another start would say it again
                sys.exit(code)
            if time.monotonic() - began >= _HEALTHY_SECONDS:
                wait = _FIRST_SECONDS
            death = f"The worker died with {describe_exit(code)}; it starts again in {wait} s."
            sys.stderr.write(f"{death} Ctrl-C ends it.\n")
            self._sleep(wait)
            wait = min(2 * wait, _MOST_SECONDS)

    def _run_once(self) -> int:
        # Its own session: Ctrl-C reaches this process only, which passes it on, once. Its standard
        # input closes when this process ends.
        self._worker = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            start_new_session=True,
            env={**_SETTINGS, **os.environ},
        )
        if self._asked is not None:
            self._worker.send_signal(self._asked)
        return self._worker.wait()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._asked = signal.SIGINT if number == signal.SIGINT else signal.SIGTERM
        if self._worker is not None:
            self._worker.send_signal(self._asked)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._asked is None and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    Supervisor(_program("sightline.flows.server.worker_program", sys.argv[1:])).run()
