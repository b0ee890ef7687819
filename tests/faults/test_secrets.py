"""Secrets in messages and on the server, and servers that are open to everyone."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from command import Command, Completed, invoke
from refusal import check_refused
from sightline.errors import DownloadError, ServerError
from sightline.pipeline import doctor
from sightline.records import Run
from sightline.storage.workspace import Workspace

SECRET = "hunter2"  # noqa: S105 - invented for the tests


def check_refused_without_secret(done: Completed, *expected: str) -> None:
    check_refused(done, *expected)
    assert SECRET not in done.stdout + done.stderr


API_URLS = [
    pytest.param(f"http://user:{SECRET}@127.0.0.1:9/api", id="user-and-password"),
    pytest.param(f"http://{SECRET}@127.0.0.1:9/api", id="token"),
    pytest.param(f"http://user:{SECRET}/x@127.0.0.1:9/api", id="unescaped-slash"),
    pytest.param(f"http://user:{SECRET}@/api", id="no-host"),
    pytest.param(f"http://user:{SECRET}", id="no-host-and-no-at-sign"),
    pytest.param(f"http://[user:{SECRET}@/api", id="no-address"),
]


@pytest.mark.parametrize("url", API_URLS)
def test_password_in_the_api_url_is_refused_and_not_shown(url: str) -> None:
    check_refused_without_secret(invoke("ops", "status", PREFECT_API_URL=url), "PREFECT_API_URL")
    check = doctor._check("server", lambda: doctor._find_server(url))
    assert not check.passed
    assert SECRET not in check.found


@pytest.fixture
def locked() -> Iterator[str]:
    """An API that answers 401 and repeats the requested path."""

    class Locked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401, f"No entry: {self.path}")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Locked) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_answer_of_the_api_is_reported_without_its_address(locked: str) -> None:
    with pytest.raises(ServerError, match="401") as caught:
        doctor.check_api(f"{locked}/api")
    assert locked not in str(caught.value)


@pytest.mark.parametrize(
    "mirror",
    [
        pytest.param(f"ftp://user:{SECRET}@127.0.0.1/x", id="user-and-password"),
        pytest.param(f"ftp://127.0.0.1/x?sig={SECRET}", id="signature"),
        pytest.param(f"ftp://user:{SECRET}/x@127.0.0.1/", id="unescaped-slash"),
        pytest.param(f"ftp://user:x?{SECRET}@127.0.0.1/", id="unescaped-question"),
        pytest.param(f"ftp://[user:{SECRET}@127.0.0.1/", id="no-address"),
        pytest.param(f"http://user:{SECRET}\N{ACCOUNT OF}@127.0.0.1/", id="unusual-letter"),
    ],
)
def test_mirror_is_named_without_its_secrets(tmp_path: Path, mirror: str) -> None:
    done = invoke("datasets", "fetch", "mnist", f"--artifacts={tmp_path}", SIGHTLINE_MIRROR=mirror)
    check_refused_without_secret(done, "http:// or https://")


def test_mirror_is_no_part_of_a_record() -> None:
    run = Run(id="x", workspace=Workspace(Path("/x")), mirror=f"http://user:{SECRET}@127.0.0.1")
    assert SECRET not in f"{run!r} {run} {run.model_dump_json()} {run.model_dump()}"
    assert SECRET not in f"{DownloadError('x')!r}"


def test_address_as_a_data_set_is_refused_and_not_shown(tmp_path: Path) -> None:
    dataset = f"https://user:{SECRET}@127.0.0.1/x.npz?sig={SECRET}"
    done = invoke("train", f"--dataset={dataset}", f"--artifacts={tmp_path}")
    check_refused_without_secret(done, "data set")


def test_invalid_webhook_is_refused_and_not_shown() -> None:
    done = invoke("ops", "install", SIGHTLINE_WEBHOOK_URL=f"chat.example.org/{SECRET}")
    check_refused_without_secret(done, "SIGHTLINE_WEBHOOK_URL")


@pytest.mark.campaign
def test_webhook_is_not_readable_on_the_server(
    served: Command, environment: dict[str, str]
) -> None:
    done = served("ops", "install", SIGHTLINE_WEBHOOK_URL=f"https://chat.example.org/{SECRET}-hook")
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    home = Path(environment["PREFECT_HOME"])
    with sqlite3.connect(home / "prefect.db") as database:
        assert database.execute("SELECT count(*) FROM block_document").fetchone()[0] > 0
    for path in home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("host", "password"),
    [
        pytest.param("0", "", id="short-for-all-addresses"),
        pytest.param("127.0.0.1.example.org", "", id="similar-to-loopback"),
        pytest.param("0.0.0.0", "user:", id="user-without-password"),
        pytest.param("0.0.0.0", " : ", id="blanks"),
    ],
)
def test_server_open_to_everyone_is_refused(
    host: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("the server was started"))
    done = invoke("ops", "server", "--host", host, PREFECT_SERVER_API_AUTH_STRING=password)
    check_refused(done, host, "PREFECT_SERVER_API_AUTH_STRING")
