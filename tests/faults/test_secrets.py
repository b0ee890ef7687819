"""Secrets in messages and on the server, and servers that are open to everyone."""

import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from command import Command, Completed
from refusal import check_refused
from sightline.errors import DownloadError, ServerError
from sightline.pipeline import doctor
from sightline.pipeline.doctor import check_api
from sightline.records import Run
from sightline.storage.workspace import Workspace

ROOT = Path(__file__).parents[2]
SECRET = "hunter2"  # noqa: S105 - it is made up


def check_kept(done: Completed, *expected: str) -> None:
    """A refusal that says what is wrong without the secret."""
    check_refused(done, *expected)
    assert SECRET not in done.stdout + done.stderr


API_URLS = [
    pytest.param(f"http://user:{SECRET}@127.0.0.1:9/api", id="user-and-password"),
    pytest.param(f"http://{SECRET}@127.0.0.1:9/api", id="token"),
    pytest.param(f"http://user:{SECRET}/x@127.0.0.1:9/api", id="unescaped-slash"),
    pytest.param(f"http://user:{SECRET}@/api", id="no-host"),
    pytest.param(f"http://user:{SECRET}", id="no-host-and-no-sign"),
    pytest.param(f"http://[user:{SECRET}@/api", id="no-address"),
]


@pytest.mark.parametrize("url", API_URLS)
def test_password_in_the_address_of_the_api_is_refused_unseen(sightline: Command, url: str) -> None:
    check_kept(sightline("ops", "status", PREFECT_API_URL=url), "PREFECT_API_URL")


@pytest.mark.parametrize("url", API_URLS)
def test_doctor_does_not_show_a_password(url: str) -> None:
    check = doctor._check("server", lambda: doctor._find_server(url))
    assert not check.passed
    assert SECRET not in check.found


@pytest.fixture
def locked() -> Iterator[str]:
    """An API that answers 401, and repeats what it was asked."""

    class Locked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401, f"No entry: {self.path}")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Locked) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_answer_is_told_without_the_address(locked: str) -> None:
    with pytest.raises(ServerError, match="it answered 401") as caught:
        check_api(f"{locked}/api")
    assert locked not in str(caught.value)


@pytest.mark.parametrize(
    "mirror",
    [
        pytest.param(f"ftp://user:{SECRET}@127.0.0.1/x", id="user-and-password"),
        pytest.param(f"ftp://127.0.0.1/x?sig={SECRET}", id="signature"),
        pytest.param(f"ftp://user:{SECRET}/x@127.0.0.1/", id="unescaped-slash"),
        pytest.param(f"ftp://user:x?{SECRET}@127.0.0.1/", id="unescaped-question"),
        pytest.param(f"ftp://[user:{SECRET}@127.0.0.1/", id="no-address"),
        pytest.param(f"http://user:{SECRET}\N{ACCOUNT OF}@127.0.0.1/", id="odd-letter"),
    ],
)
def test_mirror_is_named_without_its_secrets(
    sightline: Command, tmp_path: Path, mirror: str
) -> None:
    arguments = ("datasets", "fetch", "mnist", f"--artifacts={tmp_path}")
    check_kept(sightline(*arguments, SIGHTLINE_MIRROR=mirror), "http:// or https:// address")


def test_mirror_is_no_part_of_a_record() -> None:
    run = Run(id="x", workspace=Workspace(Path("/x")), mirror=f"http://user:{SECRET}@127.0.0.1")
    assert SECRET not in f"{run!r} {run} {run.model_dump_json()} {run.model_dump()}"
    assert SECRET not in f"{DownloadError('x')!r}"


def test_address_as_a_data_set_is_refused_unseen(sightline: Command, tmp_path: Path) -> None:
    dataset = f"https://user:{SECRET}@127.0.0.1/x.npz?sig={SECRET}"
    done = sightline("train", f"--dataset={dataset}", f"--artifacts={tmp_path}")
    check_kept(done, "An address cannot be used as a data set")


def test_webhook_is_refused_unseen(sightline: Command) -> None:
    done = sightline("ops", "install", SIGHTLINE_WEBHOOK_URL=f"chat.example.org/{SECRET}")
    check_kept(done, "SIGHTLINE_WEBHOOK_URL")


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
        pytest.param("0.0.0.0", None, id="all-addresses"),
        pytest.param("::", None, id="all-addresses-of-version-6"),
        pytest.param("0", None, id="short-for-all"),
        pytest.param("127.0.0.1.example.org", None, id="like-loopback"),
        pytest.param("0.0.0.0", "", id="empty-password"),
        pytest.param("0.0.0.0", "user:", id="user-alone"),
        pytest.param("0.0.0.0", " : ", id="blanks"),
    ],
)
def test_server_open_to_everybody_is_refused(
    sightline: Command, host: str, password: str | None
) -> None:
    settings = {} if password is None else {"PREFECT_SERVER_API_AUTH_STRING": password}
    done = sightline("ops", "server", "--host", host, **settings)
    check_refused(done, f"A server on {host} without a password", "PREFECT_SERVER_API_AUTH_STRING")


def test_make_refuses_a_server_that_is_open_to_everybody(
    environment: dict[str, str],
) -> None:
    done = subprocess.run(
        # What is installed counts as up to date: nothing is to be set up here.
        ["make", "--silent", "--old-file=.venv/installed", "server", "HOST=0.0.0.0"],
        cwd=ROOT,
        env={**environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "A server on 0.0.0.0 without a password" in done.stderr
