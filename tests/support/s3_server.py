"""An S3 server on loopback (moto's), and the faults of an object storage.

It writes one object at a time, so its conditional writes are atomic, as those of S3 are. If the
environment variable SIGHTLINE_TEST_S3 names another server, such as http://127.0.0.1:4566, requests
are passed on to that one, and all tests with the fixture `s3` or `s3_server` test it.
"""

import http.client
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import processes

UPSTREAM = os.environ.get("SIGHTLINE_TEST_S3", "")
Environ = dict[str, Any]
Answer = tuple[str, list[tuple[str, str]], bytes]
ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>'
ERRORS = {
    "500": ("500 Internal Server Error", "InternalError", "We encountered an internal error."),
    "503": ("503 Service Unavailable", "SlowDown", "Please reduce your request rate."),
    "expired": ("403 Forbidden", "ExpiredToken", "The provided token has expired."),
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),
}
_OF_THE_WAY = {"connection", "date", "server", "transfer-encoding"}
_LISTED = re.compile(r"<Contents>.*?<Key>(.*?)</Key>.*?</Contents>", re.DOTALL)


@dataclass
class Fault:
    """What happens to the next requests of a method whose key the pattern finds.

    Kinds: a key of ERRORS; `slow` waits for `seconds`; `cut` ends half-way through the body;
    `lost` does what is asked, then answers 500; `hidden` leaves the keys out of listings;
    `unconditional` ignores the conditions of a write.
    """

    kind: str
    key: str = ""
    method: str = "GET|PUT|POST|HEAD|DELETE"
    times: int = 1
    seconds: float = 0.2

    def applies(self, environ: Environ, key: str) -> bool:
        """Return whether a request is affected; counts it."""
        methods = self.method.split("|")
        hit = self.times > 0 and environ["REQUEST_METHOD"] in methods
        hit = hit and self.kind != "hidden" and re.search(self.key, key) is not None
        self.times -= hit
        return hit


@dataclass
class S3Server:
    """The server; `requests` has method and key of each request, in the order they came."""

    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def __post_init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app

        self._app = DomainDispatcherApplication(create_backend_app)
        self._one_at_a_time = threading.Lock()
        self._numbers = count(time.time_ns())

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a client finds the server."""
        return {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
        }

    def new_bucket(self) -> str:
        """Create an empty bucket; return its address."""
        import httpx

        name = f"bucket-{next(self._numbers)}"
        httpx.put(f"{self.address}/{name}", timeout=60).raise_for_status()
        return f"s3://{name}"

    def add(self, kind: str, key: str = "", **settings: Any) -> Fault:
        """Add a fault, which lasts for `times` requests, by default one."""
        self.faults.append(Fault(kind, key, **settings))
        return self.faults[-1]

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")[2]
        self.requests.append((environ["REQUEST_METHOD"], key))
        fault = next((fault for fault in self.faults if fault.applies(environ, key)), None)
        kind = fault.kind if fault else "none"
        if kind in ERRORS:
            return _refuse(kind, start_response)
        if fault and kind == "slow":
            time.sleep(fault.seconds)
        if kind == "unconditional":
            for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
                environ.pop(name, None)
        status, headers, body = _pass_on(environ) if UPSTREAM else self._ask(environ)
        if kind == "lost":
            return _refuse("500", start_response)
        if environ["REQUEST_METHOD"] == "GET" and "list-type" in environ["QUERY_STRING"]:
            body = self._visible(body)
            headers = [one for one in headers if one[0].lower() != "content-length"]
            headers.append(("Content-Length", str(len(body))))
        start_response(status, headers)
        return _cut(body) if kind == "cut" else [body]

    def _ask(self, environ: Environ) -> Answer:
        answer: list[Any] = []
        with self._one_at_a_time:
            parts = self._app(environ, lambda *given: answer.extend(given))
            body = b"".join(parts)
        return answer[0], answer[1], body

    def _visible(self, body: bytes) -> bytes:
        """Leave out of a listing what is hidden."""
        hidden = [fault.key for fault in self.faults if fault.kind == "hidden"]

        def keep(found: re.Match[str]) -> str:
            return "" if any(re.search(key, unquote(found[1])) for key in hidden) else found[0]

        return _LISTED.sub(keep, body.decode()).encode()


def _pass_on(environ: Environ) -> Answer:
    """Ask the server of SIGHTLINE_TEST_S3."""
    given = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    given["CONTENT_LENGTH"] = environ.get("CONTENT_LENGTH") or "0"
    headers = {name.replace("_", "-"): value for name, value in given.items()}
    body = environ["wsgi.input"].read(int(given["CONTENT_LENGTH"]))
    connection = http.client.HTTPConnection(urlsplit(UPSTREAM).netloc, timeout=60)
    try:
        method = environ["REQUEST_METHOD"]
        connection.request(method, environ["REQUEST_URI"], body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_THE_WAY]
    if method != "HEAD":
        kept = [one for one in kept if one[0].lower() != "content-length"]
        kept.append(("Content-Length", str(len(content))))
    return f"{answer.status} {answer.reason}", kept, content


def _refuse(kind: str, start_response: Any) -> Iterable[bytes]:
    status, code, message = ERRORS[kind]
    body = ERROR.format(code, message).encode()
    start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _cut(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionResetError


@contextmanager
def serving() -> Iterator[S3Server]:
    """Run a server in a thread; it serves other processes, too."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            """Log nothing."""

    application = S3Server()
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    with processes.serving(server) as application.address:
        yield application


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The server of this session, for set-ups that are shared; see `environment`."""
    with serving() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """The server, which the environment names, without faults and earlier requests."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    s3_server.faults.clear()
    s3_server.requests.clear()
    yield s3_server
    s3_server.faults.clear()
