"""Child processes: start one, exchange lines of JSON, end it for certain.

A child runs one of our modules as a program. Its standard input carries requests and closes when
the parent ends; its last argument is a file descriptor for answers. Whatever it prints goes to a
log, since standard output belongs to the user.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

Message = dict[str, Any]

_POLL_SECONDS = 0.5
_BLOCK_BYTES = 1 << 16
_LOG_TAIL_BYTES = 4000


class Child:
    """One child process, as its parent sees it."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        verbose: bool = False,
    ) -> None:
        """Start it and return at once; `verbose` shows what it prints instead of keeping a log."""
        read, write = os.pipe()
        self._answers = os.fdopen(read, "rb", buffering=0)
        self._received = b""
        self._log: IO[bytes] | None = None if verbose else tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._process = subprocess.Popen(
            # -P: a file in the user's folder must not stand in for a library.
            [sys.executable, "-P", "-m", module, *arguments, str(write)],
            stdin=subprocess.PIPE,
            stdout=self._log or sys.stderr,
            stderr=self._log or sys.stderr,
            pass_fds=[write],
            start_new_session=True,  # Ctrl-C is for the parent, which then ends this child
            env=environment,
        )
        os.close(write)

    def __enter__(self) -> "Child":
        """Return the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Return whether it is running."""
        return self._process.poll() is None

    def wait(self, seconds: float | None = None) -> int:
        """Return its exit code, or the negative signal; raises `subprocess.TimeoutExpired`."""
        return self._process.wait(seconds)

    def send(self, message: Message) -> None:
        """Send a request; a child that is dead is noticed at the end of its answers."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self) -> Message | None:
        """Wait for the next answer; return None if the child has closed its end."""
        while b"\n" not in self._received:
            # Short waits, so that a time-out raised in a worker thread is delivered.
            if self._is_readable(_POLL_SECONDS) and not self._read_block():
                return None
        line, _, self._received = self._received.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def has_answer(self) -> bool:
        """Return whether `receive` need not wait for the child to speak."""
        return b"\n" in self._received or self._is_readable(0)

    def terminate(self) -> None:
        """Ask the child to stop, and return at once; `end` waits for it."""
        self._process.terminate()

    def end(self, grace_seconds: float = 0) -> list[Message]:
        """Ask the child to stop, wait, then kill it; return the answers not yet received."""
        try:
            if grace_seconds:
                self._process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace_seconds)
        finally:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._answers.closed:
            return []
        while self._is_readable(0) and self._read_block():
            pass
        self._answers.close()
        if self._log is not None:
            self._log.close()
        complete, _, self._received = self._received.rpartition(b"\n")
        return [json.loads(line) for line in complete.splitlines()]

    def log_tail(self) -> str:
        """Return the end of its log; empty if it was shown instead."""
        if self._log is None:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL_BYTES))
        return self._log.read().decode(errors="replace").strip()

    def _is_readable(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        return bool(poll.poll(1000 * seconds))

    def _read_block(self) -> bool:
        block = self._answers.read(_BLOCK_BYTES)
        self._received += block
        return bool(block)


def describe_exit(code: int) -> str:
    """Name an exit code of `Child.wait`, such as "signal 9" or "exit code 3"."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def end_with_parent(
    grace_seconds: float = 0, on_request: Callable[[Message], object] | None = None
) -> None:
    """Make this process, a child, end with its parent; it has a grace time to stop on SIGTERM."""

    def listen() -> None:
        # Not sys.stdin: the interpreter could not close it while this thread reads.
        with os.fdopen(os.dup(sys.stdin.fileno()), "rb") as pipe:
            for line in pipe:
                if on_request is not None:
                    on_request(json.loads(line))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds)
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()


def answer(descriptor: int, message: Message) -> None:
    """Send an answer to the parent, if it is still there."""
    line = json.dumps(message).encode() + b"\n"
    with suppress(BrokenPipeError):
        while line:
            line = line[os.write(descriptor, line) :]
