"""Cache entries of machines that share nothing but an object store."""

import json

import pytest

from made_entries import KEY, MANIFEST, PLACE, making, never, objects
from sightline.errors import BusyStorageError, StorageError
from sightline.models.build import BUILD
from sightline.pipeline import cache, entry_store
from sightline.pipeline.cache import find, find_or_make
from sightline.records import Run
from sightline.storage import json_digest, transfer
from sightline.storage.claims import Claim
from sightline.storage.object_store import open_store
from sightline.storage.workspace import Workspace


@pytest.fixture
def store(tmp_path):
    return open_store(f"memory://{tmp_path}")


@pytest.fixture
def machines(tmp_path, store):
    """A run on each of two machines."""
    return [Run(id=name, workspace=Workspace(tmp_path / name, store.url)) for name in ("a", "b")]


def content(run, record):
    return (run.workspace.root / record.path).read_text()


def test_second_machine_takes_what_the_first_made(machines, store):
    one, two = machines
    assert cache.peek(two, BUILD, KEY) is None
    made = find_or_make(one, BUILD, KEY, making("x"))
    assert cache.peek(two, BUILD, KEY) == made
    assert not (two.workspace.root / PLACE).exists(), "a look at the record transfers no file"
    assert find_or_make(two, BUILD, KEY, never) == made
    assert content(two, made.summary) == "x"
    assert list(store.list("leases/")) == []


def test_entry_that_only_this_machine_has_is_pushed(machines, store):
    one, two = machines
    made = find_or_make(one, BUILD, KEY, making("x"))
    transfer.delete(store, f"{PLACE}/")
    assert find(two, BUILD, KEY) is None
    assert find(one, BUILD, KEY).record == made
    assert find(two, BUILD, KEY).record == made


def test_entry_without_a_manifest_is_none(machines, store):
    """A machine was lost while it pushed."""
    one, two = machines
    find_or_make(one, BUILD, KEY, making("x"))
    store.delete(MANIFEST, objects(store)[0])
    made = find_or_make(two, BUILD, KEY, making("y"))
    assert content(two, made.summary) == "y"
    assert find(one, BUILD, KEY).record == made, "the stored entry decides"


def test_of_two_machines_that_make_an_entry_at_once_both_use_that_of_the_first(machines):
    one, two = machines

    def slower(draft):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Claim, "ended", True)  # the other takes over
            find_or_make(two, BUILD, KEY, making("first"))
        return making("second")(draft)

    made = find_or_make(one, BUILD, KEY, slower)
    assert made == find(two, BUILD, KEY).record
    assert content(one, made.architecture) == "first"


@pytest.mark.parametrize("damage", ["file", "manifest", "missing", "outside"])
def test_damaged_stored_entry_is_rebuilt_and_replaced(machines, store, damage, caplog, tmp_path):
    one, two = machines
    find_or_make(one, BUILD, KEY, making("x"))
    manifest = json.loads(json_digest.verify(store.read(MANIFEST)))
    if damage == "file":
        store.write(objects(store)[0], b"y")
    elif damage == "missing":
        store.delete(objects(store)[0])
    elif damage == "manifest":
        store.write(MANIFEST, store.read(MANIFEST).replace(b"330", b"331"))
    else:
        manifest["files"] = {"../../../planted": "0" * 64}
        store.write(MANIFEST, json_digest.dumps(manifest))
    made = find_or_make(two, BUILD, KEY, making("x"))
    assert "damaged" in caplog.text
    assert content(two, made.architecture) == "x"
    three = Run(id="c", workspace=Workspace(tmp_path / "c", store.url))
    assert find(three, BUILD, KEY).record == made
    assert not list(tmp_path.rglob("planted"))


def test_damaged_local_entry_is_pulled_again(machines):
    one, _ = machines
    made = find_or_make(one, BUILD, KEY, making("x"))
    (one.workspace.root / made.summary.path).write_text("damaged")
    assert find_or_make(one, BUILD, KEY, never) == made
    assert content(one, made.summary) == "x"


def test_refresh_replaces_the_stored_entry(machines):
    one, two = machines
    find_or_make(one, BUILD, KEY, making("old"))
    fresh = two.model_copy(update={"refresh": True})
    made = find_or_make(fresh, BUILD, KEY, making("new"))
    assert find(one, BUILD, KEY).record == made
    assert content(one, made.summary) == "new"


def test_entry_survives_a_store_that_fails_while_it_is_pushed(machines, store, monkeypatch):
    one, two = machines

    def fail(*arguments):
        raise BusyStorageError("it did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(store, "upload", fail)
        with pytest.raises(BusyStorageError):
            find_or_make(one, BUILD, KEY, making("x"))
    made = find_or_make(one, BUILD, KEY, never)
    assert find(two, BUILD, KEY).record == made


def test_inputs_are_fetched_by_their_digest(machines, store):
    one, two = machines
    made = find_or_make(one, BUILD, KEY, making("x"))
    entry_store.fetch(two.workspace, made)
    assert content(two, made.summary) == "x"
    store.delete(MANIFEST)
    entry_store.fetch(two.workspace, made)  # they are here
    other = one.model_copy(update={"id": "other", "refresh": True})
    find_or_make(other, BUILD, KEY, making("y"))
    (two.workspace.root / made.summary.path).unlink()
    with pytest.raises(StorageError, match=r"deep/summary with the SHA-256"):
        entry_store.fetch(two.workspace, made)
