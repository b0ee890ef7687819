"""A mirror on loopback that serves compressed files and simulates faults.

Run as a program, it is the real command line with one more named data set, `tiny`:
`python tests/support/mirror.py datasets fetch tiny --mirror http://127.0.0.1:PORT`.
"""

import gzip
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import numpy as np

import processes
from sightline.data import catalog
from sightline.data.catalog import NamedDataset, RawFile

CONTENT = {"train": np.random.default_rng(0).bytes(200_000), "test": b"test content" * 300}
"""The first is incompressible: half of it exceeds every buffer."""

MNIST_FIRST = "/mnist/train-images-idx3-ubyte.gz"
"""First file requested for mnist; the mirror does not have its real content."""

LASTING = {
    "no-length": ("cut", 1, "truncated"),
    "lying-length": ("lying", 1, "truncated"),
    "other-content": ("wrong", 1, "14 bytes with SHA-256"),
    "html": ("html", 1, "HTML"),
    "not-found": ("404", 1, "404 Not Found"),
    "server-error-retried-3-times": ("500", 4, "500"),
    "redirect-loop": ("loop", 6, "redirects"),
}
"""Faults that end in an error: the fault, the number of requests, and the stated reason."""


def tiny(mirrors: Sequence[str] = ()) -> NamedDataset:
    """Return a named data set of the two files that the mirror serves."""
    return NamedDataset(
        name="tiny",
        title="Tiny",
        description="For tests.",
        licence="none",
        class_names=("a", "b"),
        files=tuple(
            RawFile(name, hashlib.sha256(content).hexdigest(), len(content))
            for name, content in CONTENT.items()
        ),
        mirrors=tuple(mirrors),
    )


class Mirror(ThreadingHTTPServer):
    """The server.

    `faults` maps the start of a path to names of faults; each request consumes one. `held` is set
    when a response stalls halfway, `released` continues it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.faults: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.held = threading.Event()
        self.released = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect early."""


@contextmanager
def serving() -> Iterator[Mirror]:
    """Run a mirror in a thread."""
    mirror = Mirror()
    with processes.serving(mirror):
        try:
            yield mirror
        finally:
            mirror.released.set()


class Answer(processes.QuietHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if "Range" in self.headers:
            self.server.ranges.append(self.headers["Range"])
        path = self.path.partition("?")[0]
        faults = next((f for key, f in self.server.faults.items() if path.startswith(key)), [])
        content = CONTENT.get(path.rpartition("/")[2].removesuffix(".gz"), CONTENT["train"])
        self._send(faults.pop(0) if faults else "none", gzip.compress(content, mtime=0))

    def _send(self, fault: str, body: bytes) -> None:
        match fault:
            case "none":
                self._write(body, len(body))
            case "short":
                self._write(body[:100], len(body))
            case "lying":
                self._write(body[:100], 100)
            case "cut":
                self._write(body[:100])
            case "unstated":
                self._write(body)
            case "html":
                self._write(b"<!DOCTYPE html><html>Please sign in</html>")
            case "wrong":
                self._write(gzip.compress(b"something else"))
            case "endless":
                self._write(b"")
                while not self.server.released.is_set():
                    self.wfile.write(bytes(1 << 16))
            case "stall":
                self._write(body[: len(body) // 2], len(body))
                self.wfile.flush()
                self.server.held.set()
                self.server.released.wait(60)
            case "loop":
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
            case status:
                self.send_error(int(status))

    def _write(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    from sightline.flows.cli.main import main

    catalog.NAMED["tiny"] = tiny()
    main()
