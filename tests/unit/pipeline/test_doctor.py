import importlib.metadata
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sightline.pipeline import doctor
from sightline.storage.workspace import Workspace


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_installed_versions_fit_the_pins() -> None:
    checks = {check.name: check for check in doctor._check_versions()}
    assert {"prefect", "sqlalchemy", "fastapi", "tensorflow", "keras"} <= set(checks)
    assert all(check.passed for check in checks.values()), checks


def test_version_outside_of_the_pins_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "2.1.0" if name == "sqlalchemy" else version(name),
    )
    failed = [check for check in doctor._check_versions() if not check.passed]
    assert [check.name for check in failed] == ["sqlalchemy"]
    assert "2.1.0; needs" in failed[0].found


def test_answering_server_is_found(address: str) -> None:
    assert doctor._check("server", lambda: doctor._find_server(f"{address}/api")).passed


def test_silent_server_is_found(address: str) -> None:
    check = doctor._check("server", lambda: doctor._find_server(f"{address}/wrong"))
    assert not check.passed


def test_no_server_is_fine() -> None:
    assert "private" in doctor._find_server(None)


def test_storage_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = doctor._check("storage", lambda: doctor._find_storage(Workspace(tmp_path / "file")))
    assert not check.passed
    assert doctor._check(
        "storage", lambda: doctor._find_storage(Workspace(tmp_path / "new"))
    ).passed


def test_full_disk_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_MINIMUM_FREE_BYTES", 1 << 60)
    check = doctor._check("free disk", lambda: doctor._find_free_disk(Workspace(tmp_path)))
    assert not check.passed
    assert "needs at least" in check.found
