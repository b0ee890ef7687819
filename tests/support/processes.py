"""Find and wait for processes, ports and servers of this machine."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, found: Callable[[], Any], seconds: float = 180) -> Any:
    """Poll until the result is true; the limit guards against hangs only."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.25)
    raise AssertionError(f"{what}: not within {seconds} s")


def answers(api: str) -> bool:
    """Return whether a Prefect API is ready."""
    with suppress(httpx.HTTPError):
        return httpx.get(f"{api}/health").is_success
    return False


class QuietHandler(BaseHTTPRequestHandler):
    """Logs nothing and answers in one call."""

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, value: object = None, reason: str | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status, reason)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Serve in a thread; yield the address."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def descendants(pid: int) -> list[int]:
    """List the descendants of a process, nearest first."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found.extend(parents.get(child, []))
    return found


def command_line(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b" ".join(words).decode(errors="replace")
    return ""


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def cut_power(pid: int) -> None:
    """Kill a process and its descendants so that none sees another die, as a power failure."""
    doomed = [*descendants(pid), pid]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for one in doomed:
            with suppress(ProcessLookupError):
                os.kill(one, number)
