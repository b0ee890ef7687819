import hashlib
import os
from dataclasses import replace

import pytest

from machines import two
from sightline.errors import StorageError
from sightline.storage import digests, object_store, sync
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return two(tmp_path, f"memory://{tmp_path.name}")[0]


def is_json(key):
    return key.endswith(".json")


def test_wanted_files_become_those_of_the_store(workspace):
    for name in ("a/1.json", "a/b/2.json", "a/model", "c/3.json"):
        workspace.store.write(name, name.encode())
    for name in ("a/1.json", "a/old.json", "a/other"):
        workspace.path(name).parent.mkdir(parents=True, exist_ok=True)
        workspace.path(name).write_text("stale")
    sync.pull(workspace, "a/", is_json)
    found = {
        path.relative_to(workspace.root).as_posix(): path.read_text()
        for path in workspace.root.rglob("[!.]*")
        if path.is_file()
    }
    assert found == {"a/1.json": "a/1.json", "a/b/2.json": "a/b/2.json", "a/other": "stale"}


def test_unchanged_files_are_not_read_again_but_changed_ones_are_replaced(workspace, monkeypatch):
    workspace.store.write("a/1.json", b"right")
    for _ in range(2):  # the first one downloads, the second one reads what it downloaded
        sync.pull(workspace, "a/", is_json)
    read = []
    monkeypatch.setattr(digests, "sha256", lambda path: read.append(path) or "other")
    sync.pull(workspace, "a/", is_json)
    assert read == []
    before = workspace.path("a/1.json").stat()
    workspace.path("a/1.json").write_bytes(b"wrong")
    os.utime(workspace.path("a/1.json"), ns=(before.st_atime_ns, before.st_mtime_ns))
    sync.pull(workspace, "a/", is_json)
    assert workspace.path("a/1.json").read_bytes() == b"right"


def test_file_that_a_listing_does_not_name_yet_stays(workspace, monkeypatch):
    workspace.store.write("a/1.json", b"new")
    sync.pull(workspace, "a/", is_json)
    monkeypatch.setattr(workspace.store, "list", lambda _: iter(()))
    sync.pull(workspace, "a/", is_json)
    assert workspace.path("a/1.json").read_bytes() == b"new"


def test_fetch_replaces_a_copy_that_is_not_intact(workspace):
    workspace.store.write("model", b"right")
    expected = hashlib.sha256(b"right").hexdigest()
    assert sync.fetch(workspace, "model", expected).read_bytes() == b"right"
    workspace.path("model").write_bytes(b"wrong")
    assert sync.fetch(workspace, "model", expected).read_bytes() == b"right"
    workspace.store.write("model", b"changed in the store")
    assert sync.fetch(workspace, "model", expected).read_bytes() == b"right"
    sync.refresh(workspace, "")
    assert workspace.path("model").read_bytes() == b"changed in the store"
    assert not sync.fetch(workspace, "missing", expected).exists()


def test_key_that_leads_out_of_the_replica_is_not_downloaded(workspace, monkeypatch):
    outside = list(workspace.store.list(""))
    assert outside == []
    stored = type("Stored", (), {"key": "../evil.json", "etag": None, "bytes": 1})
    monkeypatch.setattr(workspace.store, "list", lambda _: iter([stored]))
    sync.refresh(workspace, "")
    assert not (workspace.root.parent / "evil.json").exists()


def test_replica_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    workspace = Workspace(tmp_path / "file" / "replica", f"memory://{tmp_path.name}")
    workspace.store.write("a/1.json", b"new")
    with pytest.raises(StorageError, match="choose another folder with SIGHTLINE_CACHE"):
        sync.pull(workspace, "a/", is_json)


def test_without_a_store_nothing_is_touched(tmp_path):
    workspace = Workspace(tmp_path)
    (tmp_path / "a.json").write_text("mine")
    sync.pull(workspace, "", is_json)
    sync.refresh(workspace, "")
    sync.push_file(workspace, "a.json")
    assert sync.pull_file(workspace, "a.json")
    assert not sync.pull_file(workspace, "b.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("etag", ["0x8DCD", None])
def test_unchanged_file_is_not_downloaded_again_if_its_etag_is_no_md5(workspace, monkeypatch, etag):
    workspace.store.write("a/1.json", b"one")
    listed, downloaded = workspace.store.list, []
    monkeypatch.setattr(
        workspace.store,
        "list",
        lambda prefix: [replace(one, etag=etag and f"{etag}{one.etag}") for one in listed(prefix)],
    )
    download = workspace.store.download
    monkeypatch.setattr(
        workspace.store, "download", lambda *given: downloaded.append(given) or download(*given)
    )
    for content, times in ((b"one", 1), (b"one", 1), (b"two", 2), (b"two", 2)):
        if content != workspace.store.read("a/1.json"):
            workspace.store.write("a/1.json", content)
        sync.pull(workspace, "a/", is_json)
        assert workspace.path("a/1.json").read_bytes() == content
        assert len(downloaded) == times or etag is None
    workspace.path("a/1.json").write_bytes(b"damaged")
    workspace.path("a/.etags").write_bytes(b"[damaged, too")
    sync.pull(workspace, "a/", is_json)
    assert workspace.path("a/1.json").read_bytes() == b"two"


def test_older_content_that_a_slower_process_leaves_is_replaced_by_the_next_pull(
    workspace, monkeypatch
):
    download = sync._download

    def overtaken(*given):
        done = download(*given)
        workspace.path("a/1.json").write_bytes(b"old")
        return done

    workspace.store.write("a/1.json", b"new")
    with monkeypatch.context() as patch:
        patch.setattr(sync, "_download", overtaken)
        sync.pull(workspace, "a/", is_json)
    sync.pull(workspace, "a/", is_json)
    assert workspace.path("a/1.json").read_bytes() == b"new"


def test_file_that_is_too_large_to_be_read_is_not_downloaded(workspace, monkeypatch):
    workspace.store.write("a/1.json", bytes(object_store.SMALL + 1))
    with pytest.raises(StorageError, match=r"a/1\.json has 16,777,217 bytes; expected at most"):
        sync.pull(workspace, "a/", is_json)
    assert not workspace.path("a/1.json").exists()
