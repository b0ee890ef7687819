import os
from pathlib import Path

import pytest

from sightline.errors import InputError, StorageError
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


def test_cache_is_in_the_users_cache_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("SIGHTLINE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert replica.folder(URL).parent == tmp_path / "cache" / "sightline" / "artifacts"


def test_cache_of_a_relative_path_is_refused(monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE", "cache")
    with pytest.raises(StorageError, match="SIGHTLINE_CACHE is 'cache'"):
        replica.folder(URL)


def test_workspace_of_a_path_has_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Workspace.open("artifacts")
    assert (found.root, found.store) == (Path(tmp_path / "artifacts"), None)


@pytest.mark.parametrize("url", ["memory://", "memory://x", "file:///srv/artifacts", "file://x"])
def test_url_that_only_this_process_or_machine_knows_holds_no_artifacts(url):
    with pytest.raises(InputError, match=r"expected s3://, gs:// or az:// .* path of a folder"):
        Workspace.open(url)


def test_message_about_a_full_disk_names_the_setting_of_the_local_cache(tmp_path):
    workspace = Workspace(tmp_path, URL)
    with pytest.raises(StorageError, match="another folder with SIGHTLINE_CACHE"):
        workspace.check_room(1 << 62, "The images")


def test_workspace_is_marked_in_the_store(tmp_path):
    Workspace(tmp_path / "cache", f"file://{tmp_path}/store").check_writable()
    assert (tmp_path / "store" / ".at-work.lock").exists()


def entry(root, name, size):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(bytes(size))
    return folder


def test_least_recently_used_entries_make_room_unless_a_process_uses_them(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE_BYTES", "250")
    used, old, new = (entry(tmp_path, f"cache/ingest/{name}", 100) for name in "abc")
    checkpoints = entry(tmp_path, "checkpoints/d", 100)
    for age, path in enumerate((new, checkpoints, old, used)):
        os.utime(path, (0, 1_000 - age))
    replica.keep(tmp_path, "cache/ingest/a")
    os.utime(used, (0, 0))
    replica.make_room(tmp_path, 0)
    assert [path.exists() for path in (used, old, checkpoints, new)] == [True, False, False, True]
    replica.make_room(tmp_path, 1_000)
    assert [path.exists() for path in (used, new)] == [True, False]


def test_entry_that_is_gone_by_the_time_it_is_looked_at_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE_BYTES", "0")
    old = entry(tmp_path, "cache/ingest/a", 100)
    old.with_name("b").symlink_to("nowhere")
    replica.make_room(tmp_path, 0)
    assert not old.exists()


def test_size_that_is_no_number_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_CACHE_BYTES", "50 GB")
    with pytest.raises(StorageError, match="SIGHTLINE_CACHE_BYTES is '50 GB'"):
        replica.make_room(tmp_path, 0)


def test_replica_keeps_its_name(tmp_path):
    assert replica.identity(tmp_path / "a") == replica.identity(tmp_path / "a")
    assert replica.identity(tmp_path / "a") != replica.identity(tmp_path / "b")
