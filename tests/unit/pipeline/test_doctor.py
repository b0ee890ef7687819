import importlib.metadata
from http.server import HTTPServer

from processes import QuietHandler, serving
from sightline.pipeline import doctor
from sightline.storage.workspace import Workspace


class Healthy(QuietHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/api/health" else 404)


def check(root, api_url=None):
    checks = doctor.check_all(Workspace(root), api_url, lambda: "cpu")
    return {check.name: check for check in checks}


def test_new_folder_and_no_server_are_fine(tmp_path):
    checks = check(tmp_path / "new")
    assert {"prefect", "sqlalchemy", "fastapi", "tensorflow", "keras", "device"} <= set(checks)
    assert all(check.passed for check in checks.values()), checks
    assert "private" in checks["server"].found


def test_version_outside_of_the_pins_is_found(tmp_path, monkeypatch):
    version = importlib.metadata.version

    def changed(name):
        if name == "keras":
            raise importlib.metadata.PackageNotFoundError
        return "2.1.0" if name == "sqlalchemy" else version(name)

    monkeypatch.setattr(importlib.metadata, "version", changed)
    failed = {name: one.found for name, one in check(tmp_path).items() if not one.passed}
    assert set(failed) == {"keras", "sqlalchemy"}
    assert "not installed; needs" in failed["keras"]
    assert "2.1.0; needs" in failed["sqlalchemy"]


def test_only_an_answering_server_passes(tmp_path):
    with serving(HTTPServer(("127.0.0.1", 0), Healthy)) as address:
        assert check(tmp_path, f"{address}/api")["server"].passed
        assert not check(tmp_path, f"{address}/wrong")["server"].passed


def test_full_disk_and_storage_that_cannot_be_written_are_found(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert not check(tmp_path / "file")["storage"].passed
    monkeypatch.setattr(doctor, "_MINIMUM_FREE_BYTES", 1 << 60)
    disk = check(tmp_path)["free disk"]
    assert not disk.passed
    assert "needs at least" in disk.found
