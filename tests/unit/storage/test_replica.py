from pathlib import Path

import pytest

from sightline.errors import StorageError
from sightline.storage import replica
from sightline.storage.workspace import Workspace

URL = "s3://bucket/team"


def test_each_url_and_endpoint_has_a_folder_of_its_own_below_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    here = Workspace.open(f"{URL}/")
    assert here == Workspace.open(URL)
    assert here.root.parent == tmp_path
    assert str(here) == URL
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert len({here.root, replica.folder(URL), replica.folder("s3://bucket-team")}) == 3
    assert list(tmp_path.iterdir()) == []


def test_cache_is_in_the_users_cache_folder_or_else_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SIGHTLINE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert replica.folder(URL).is_relative_to(tmp_path / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self/cache")
    monkeypatch.setattr(replica.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    assert replica.folder(URL).is_relative_to(tmp_path / "temporary")


def test_cache_of_a_relative_path_is_refused(monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE", "cache")
    with pytest.raises(StorageError, match="SIGHTLINE_CACHE is 'cache'"):
        replica.folder(URL)


def test_workspace_of_a_path_has_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Workspace.open("artifacts")
    assert (found.root, found.store) == (Path(tmp_path / "artifacts"), None)


def test_workspace_that_cannot_be_written_in_the_store_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    Workspace.open(f"file://{tmp_path}/store").check_writable()
    assert (tmp_path / "store" / ".at-work.lock").exists()
