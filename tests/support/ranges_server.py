"""A web server on loopback that serves files in ranges, alone or as a data set of the hub."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import processes

COMMIT = "0123456789abcdef"
DATASET = "/api/datasets/me/photos"


@dataclass
class RangesServer:
    """Files by name; `faults` are the status codes of the next requests for content."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    ranged: bool = True
    tagged: bool = True  # Whether files have an ETag; else all have one date
    address: str = ""

    def listed(self, names: list[str] | None = None, below: str = "") -> list[dict[str, Any]]:
        """Return the files as the hub lists them; half of them are large files there."""
        found = [name for name in self.files if name.startswith(below)]
        return [
            {
                "type": "file",
                "path": name,
                "size": len(self.files[name]),
                "oid": "pointer",
                "lfs": {"oid": sha256(self.files[name]).hexdigest()},
            }
            for name in found
            if names is None or name in names
        ]


@contextmanager
def serving() -> Iterator[RangesServer]:
    """Run the server in a thread."""
    shared = RangesServer()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(200, json.dumps(shared.listed(wanted["paths"])).encode())

        def do_GET(self) -> None:
            shared.tokens.add(self.headers["Authorization"])
            path = unquote(self.path)
            if path.startswith(f"{DATASET}/revision/"):
                self._send(200, json.dumps({"sha": COMMIT}).encode())
            elif path.startswith(f"{DATASET}/tree/{COMMIT}"):
                below = path.partition(COMMIT)[2].partition("?")[0].lstrip("/")
                self._send(200, json.dumps(shared.listed(below=below)).encode())
            else:
                self._send_file(path.lstrip("/").rpartition(f"{COMMIT}/")[2])

        def _send_file(self, name: str) -> None:
            content = shared.files.get(name)
            if content is None or shared.faults:
                self._send(shared.faults.pop() if shared.faults else 404, b"")
                return
            wanted = self.headers["Range"]
            tag = {"Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT"}
            if shared.tagged:
                tag = {"ETag": f'"{sha256(content).hexdigest()}"'}
            if not wanted or not shared.ranged:
                self._send(200, content, tag)
                return
            start, end = map(int, wanted.removeprefix("bytes=").split("-"))
            tag["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self._send(206, content[start : end + 1], tag)

        def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with processes.serving(server) as shared.address:
        yield shared
