"""Clean-ups of what machines share in an object store."""

from datetime import timedelta

import pytest

from machines import keys, two, upload
from prunable import key, plan, prune
from prunable import publish as published
from sightline.errors import InputError, StorageError
from sightline.experiments import new_run, pins
from sightline.experiments.prune import stored
from sightline.registry import audit_log
from sightline.storage.claims import HeldClaim


@pytest.fixture
def machines(tmp_path):
    """Two runs, an old one and a new one, with a cache entry each."""
    a, b = two(tmp_path, f"memory://{tmp_path.name}")
    publish(a, "old", "1")
    publish(b, "new", "2")
    return a, b


def publish(workspace, name, digit):
    published(workspace, name, digit)
    upload(workspace, f"runs/{name}")


def runs(workspace):
    return sorted({one.split("/")[1] for one in keys(workspace, "runs/")})


def entries(workspace):
    return sorted({one.split("/")[2][0] for one in keys(workspace, "cache/build/")})


def test_old_runs_and_their_entries_are_removed_from_the_store_and_the_replica(machines):
    a, b = machines
    b.store.write("runs/killed/model.keras", b"half published")
    b.store.write("cache/notes/a/b", b"unknown")
    found = prune(a, 1)
    assert [run.run_id for run in found.runs] == ["old"]
    assert [entry.key for entry in found.entries] == [key("1")]
    assert [left.path for left in found.leftovers] == ["runs/killed"]
    assert [left.path for left in found.skipped] == ["cache/notes/a"]
    assert found.bytes > 0
    assert (runs(b), entries(b)) == (["new"], ["2"])
    assert not a.path("runs/old").exists()
    assert not a.path(f"cache/build/{key('1')}").exists()


def test_plan_changes_nothing_and_names_what_prune_removes(machines):
    a, b = machines
    before = keys(a)
    planned = plan(b, 1)
    assert keys(a) == before
    assert prune(b, 1).runs == planned.runs


def test_nothing_is_removed_while_another_machine_runs(machines):
    a, b = machines
    before = keys(a)
    with b.in_use(), pytest.raises(InputError, match="is using memory://"):
        prune(a, 1)
    assert keys(a) == before


def test_pinned_run_stays_although_a_listing_does_not_name_its_pin(machines, monkeypatch):
    a, b = machines
    pins.pin(b, "old")
    listed = a.store.list
    monkeypatch.setattr(
        a.store, "list", lambda prefix: iter(()) if prefix == "pins/" else listed(prefix)
    )
    assert prune(a, 1).runs == ()
    assert entries(a) == ["1", "2"]


def test_run_stays_although_a_listing_does_not_name_its_manifest(machines, monkeypatch):
    a, b = machines
    b.store.write("runs/old/model.keras", b"model")
    listed = a.store.list

    def without_manifest(prefix):
        return (one for one in listed(prefix) if one.key != "runs/old/manifest.json")

    monkeypatch.setattr(a.store, "list", without_manifest)
    assert prune(a, 2).leftovers == ()
    assert runs(b) == ["new", "old"]


def test_run_that_was_only_suspended_stays(machines, monkeypatch):
    a, b = machines
    for name in ("late", "awake", "killed"):
        b.store.write(f"runs/{name}/model.keras", b"model")
    planned = stored.plan

    def published_meanwhile(*given):
        found = planned(*given)
        b.store.write("runs/late/manifest.json", b"{}")
        return found

    monkeypatch.setattr(stored, "plan", published_meanwhile)
    with new_run.claim(b, "awake"):
        assert len(prune(a, 2).leftovers) == 3
    assert runs(b) == ["awake", "late", "new", "old"]


def test_clean_up_stops_when_it_lost_its_claim(machines, monkeypatch):
    a, b = machines

    def lost(*_):
        raise StorageError("lost")

    monkeypatch.setattr(HeldClaim, "check", lost)
    with pytest.raises(StorageError, match="lost"):
        prune(a, 1)
    assert runs(b) == ["new", "old"]


def test_checkpoints_stay_until_their_training_is_complete_or_a_week_has_passed(
    machines, monkeypatch
):
    a, _ = machines
    a.store.write(f"checkpoints/{key('a')}/c", b"resumable")
    a.store.write(f"checkpoints/{key('b')}/c", b"done")
    a.store.write(f"cache/train/{key('b')}/manifest.json", b"{}")
    a.store.write(f"checkpoints/{key('c')}/c", b"resumable, since the result is half stored")
    a.store.write(f"cache/train/{key('c')}/0123456789abcdef/model.keras", b"model")
    found = plan(a, 5)
    assert [left.path for left in found.leftovers] == [f"checkpoints/{key('b')}"]
    assert [left.path for left in found.skipped] == [f"checkpoints/{key(one)}" for one in "ac"]
    monkeypatch.setattr(stored, "CHECKPOINT_DAYS", timedelta(seconds=-60) / timedelta(days=1))
    assert len(plan(a, 5).leftovers) == 3


def test_damaged_manifest_saves_all_entries(machines):
    a, b = machines
    b.store.write("runs/old/manifest.json", b"{}")
    found = prune(a, 1)
    assert (found.runs, found.entries, found.cache_checked) == ((), (), False)
    assert entries(b) == ["1", "2"]


def test_run_of_a_candidate_stays(machines, monkeypatch):
    a, _ = machines
    monkeypatch.setattr(audit_log, "read", lambda *_: (_ for _ in ()).throw(InputError("damaged")))
    a.store.write("models/mnist/versions/1/version.json", b"{}")
    assert [run.reason for run in prune(a, 1).kept] == [
        "among the newest",
        "possibly the candidate",
    ]
