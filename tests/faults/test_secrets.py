"""Secrets in messages and on the server, and servers that are open to everyone."""

import os
import sqlite3
from http.server import HTTPServer
from pathlib import Path

import pytest

from command import check_refused, invoke
from processes import QuietHandler, serving
from sightline.errors import DownloadError, ServerError
from sightline.pipeline import doctor
from sightline.records import Run
from sightline.storage.workspace import Workspace

SECRET = "hunter2"  # noqa: S105 - invented for the tests


def check_refused_without_secret(done, *expected):
    check_refused(done, *expected)
    assert SECRET not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@127.0.0.1:9/api",
        f"http://{SECRET}@127.0.0.1:9/api",
        f"http://user:{SECRET}/x@127.0.0.1:9/api",  # unescaped
        f"http://user:{SECRET}@/api",  # no host
        f"http://user:{SECRET}",
        f"http://[user:{SECRET}@/api",  # no address
    ],
)
def test_password_in_the_api_url_is_refused_and_not_shown(url):
    check_refused_without_secret(invoke("ops", "status", PREFECT_API_URL=url), "PREFECT_API_URL")
    check = doctor._check("server", lambda: doctor._find_server(url))
    assert not check.passed
    assert SECRET not in check.found


def test_answer_of_the_api_is_reported_without_its_address():
    class Locked(QuietHandler):
        def do_GET(self):
            self.answer(401, reason=f"No entry: {self.path}")

    with serving(HTTPServer(("127.0.0.1", 0), Locked)) as locked:
        with pytest.raises(ServerError, match="401") as caught:
            doctor.check_api(f"{locked}/api")
        assert locked not in str(caught.value)


@pytest.mark.parametrize(
    "mirror",
    [
        f"ftp://user:{SECRET}@127.0.0.1/x",
        f"ftp://127.0.0.1/x?sig={SECRET}",
        f"ftp://user:{SECRET}/x@127.0.0.1/",  # unescaped
        f"ftp://user:x?{SECRET}@127.0.0.1/",
        f"ftp://[user:{SECRET}@127.0.0.1/",  # no address
        f"http://user:{SECRET}\N{ACCOUNT OF}@127.0.0.1/",
    ],
)
def test_mirror_is_named_without_its_secrets(tmp_path, mirror):
    done = invoke("datasets", "fetch", "mnist", f"--artifacts={tmp_path}", SIGHTLINE_MIRROR=mirror)
    check_refused_without_secret(done, "http:// or https://")


def test_mirror_is_no_part_of_a_record():
    run = Run(id="x", workspace=Workspace(Path("/x")), mirror=f"http://user:{SECRET}@127.0.0.1")
    assert SECRET not in f"{run!r} {run} {run.model_dump_json()} {run.model_dump()}"
    assert SECRET not in f"{DownloadError('x')!r}"


def test_invalid_webhook_is_refused_and_not_shown():
    done = invoke("ops", "install", SIGHTLINE_WEBHOOK_URL=f"chat.example.org/{SECRET}")
    check_refused_without_secret(done, "SIGHTLINE_WEBHOOK_URL")


@pytest.mark.campaign
def test_webhook_is_not_readable_on_the_server(served, environment):
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
        ("0", ""),  # short for all addresses
        ("127.0.0.1.example.org", ""),
        ("0.0.0.0", "user:"),
        ("0.0.0.0", " : "),
    ],
)
def test_server_open_to_everyone_is_refused(host, password, monkeypatch):
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("the server was started"))
    done = invoke("ops", "server", "--host", host, PREFECT_SERVER_API_AUTH_STRING=password)
    check_refused(done, host, "PREFECT_SERVER_API_AUTH_STRING")
