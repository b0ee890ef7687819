import pytest

from sightline.storage import digests, transfer
from sightline.storage.object_store import ObjectStore


@pytest.fixture
def store():
    return ObjectStore("memory://tests")


@pytest.fixture
def files(tmp_path):
    """Three files by the key of their object."""
    paths = {f"run/{name}": tmp_path / name for name in ("a", "b", "manifest.json")}
    for key, path in paths.items():
        path.write_text(key)
    return paths


def wanted(files, folder):
    return {key: (folder / path.name, digests.sha256(path)) for key, path in files.items()}


def test_files_come_back_as_they_were_pushed(store, files, tmp_path):
    transfer.push(store, files)
    transfer.pull(store, wanted(files, tmp_path / "deep" / "copy"))
    for key, path in files.items():
        assert (tmp_path / "deep" / "copy" / path.name).read_text() == key


def test_object_of_the_same_size_is_pushed_again_only_to_replace_it(store, files):
    transfer.push(store, files)
    (path,) = (path for key, path in files.items() if key == "run/a")
    path.write_text("RUN/A")
    transfer.push(store, files)
    assert store.read("run/a") == b"run/a"
    transfer.push(store, files, replace=True)
    assert store.read("run/a") == b"RUN/A"


@pytest.mark.parametrize("damage", [b"run/x", b"", None])
def test_damaged_or_missing_object_is_named(store, files, tmp_path, damage):
    transfer.push(store, files)
    store.delete("run/b")
    if damage is not None:
        store.write("run/b", damage)
    with pytest.raises(ValueError, match="run/b: expected SHA-256"):
        transfer.pull(store, wanted(files, tmp_path / "copy"))


def test_manifest_is_deleted_first(store, files, monkeypatch):
    order = []
    transfer.push(store, files)
    monkeypatch.setattr(store, "delete", lambda *keys: order.extend(keys))
    transfer.delete(store, "run/")
    assert order[0] == "run/manifest.json"
    assert sorted(order) == sorted(files)
