import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sightline.errors import BusyStorageError, InputError, StorageError
from sightline.storage import claim_table, claims, replica
from sightline.storage.claims import ClaimedError
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace

RUN = "run/a-run/"


@pytest.fixture
def store():
    return ObjectStore("memory://tests")


@contextmanager
def claimed(store, root, name=RUN):
    with claims.held(store, root, name, (name,)):
        yield


def test_run_of_another_machine_is_refused_until_its_claim_ends(store, tmp_path, monkeypatch):
    with claimed(store, tmp_path / "a"):
        with pytest.raises(ClaimedError) as refused, claimed(store, tmp_path / "b"):
            pass
        assert refused.value.claim.by == claims.author()
        with claimed(store, tmp_path / "b", "run/a-run-2/"):
            assert set(claims.read(store)) == {RUN, "run/a-run-2/"}
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + claims.EXPIRES_SECONDS + 1)
        with claimed(store, tmp_path / "b"):
            assert claims.read(store)[RUN].place == replica.identity(tmp_path / "b")
    assert claims.read(store) == {}


def test_claim_of_a_killed_process_of_this_replica_is_taken_over(store, tmp_path, monkeypatch):
    with claimed(store, tmp_path):
        killed = claims.read(store)[RUN].process
        monkeypatch.setattr(claims, "_keepers", {})
        with claimed(store, tmp_path):
            assert claims.read(store)[RUN].process != killed


def test_claims_are_renewed_while_they_are_held(store, tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_RENEW_SECONDS", 0.01)
    with claimed(store, tmp_path), claimed(store, tmp_path):
        first = claims.read(store)[RUN].until
        while claims.read(store)[RUN].until == first:
            time.sleep(0.01)
        claims.check(store, tmp_path)


def test_threads_of_a_process_share_its_claims(store, tmp_path, monkeypatch):
    identity = replica.identity
    monkeypatch.setattr(replica, "identity", lambda root: time.sleep(0.05) or identity(root))
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda _: claims._keeper(store, tmp_path), range(2))
    assert len(set(found)) == 1


def test_holder_learns_that_its_claim_had_ended(store, tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_RENEW_SECONDS", 0.01)
    with claimed(store, tmp_path):
        store.write(claim_table.KEY, b"{}")
        while not claims.read(store):
            time.sleep(0.01)
        with pytest.raises(StorageError, match="could not be renewed in time"):
            claims.check(store, tmp_path)


@pytest.mark.parametrize("passed", [(61, 0), (0, 61)], ids=["monotonic", "wall clock"])
def test_holder_that_was_silent_for_a_minute_may_change_nothing(
    store, tmp_path, monkeypatch, passed
):
    with claimed(store, tmp_path):
        now = [clock + seconds for clock, seconds in zip(claims._clocks(), passed, strict=True)]
        monkeypatch.setattr(claims, "_clocks", lambda: now)
        with pytest.raises(StorageError, match="could not be renewed in time"):
            claims.check(store, tmp_path)


def test_service_that_ignores_conditions_is_refused(store, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "create", lambda key, content: store.write(key, content) is None)
    with (
        pytest.raises(StorageError, match="supports conditional writes"),
        claimed(store, tmp_path),
    ):
        pass
    assert store.read(claim_table.KEY) is None


def test_service_is_checked_again_if_it_failed_in_the_check(store, tmp_path, monkeypatch):
    def fail(*_):
        raise BusyStorageError("it did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", fail)
        with pytest.raises(BusyStorageError), claimed(store, tmp_path):
            pass
    monkeypatch.setattr(store, "create", lambda key, content: store.write(key, content) is None)
    with (
        pytest.raises(StorageError, match="supports conditional writes"),
        claimed(store, tmp_path),
    ):
        pass


def test_damaged_claims_are_named(store, tmp_path):
    store.write(claim_table.KEY, b"[]")
    with pytest.raises(StorageError, match=r"claims\.json is damaged"), claimed(store, tmp_path):
        pass


def test_clean_up_is_refused_while_another_machine_uses_the_workspace(tmp_path):
    here, there = (Workspace(tmp_path / name, "memory://shared-use") for name in ("a", "b"))
    with there.in_use():
        assert here.is_in_use()
        with pytest.raises(InputError, match="is using memory://"), here.exclusive():
            pass
    assert not here.is_in_use()
    with here.exclusive(), pytest.raises(InputError), there.exclusive():
        pass


def test_run_waits_for_the_clean_up_of_another_machine(tmp_path, monkeypatch, caplog):
    here, there = (Workspace(tmp_path / name, "memory://shared-wait") for name in ("a", "b"))
    clean_up = here.exclusive()
    clean_up.__enter__()
    monkeypatch.setattr(time, "sleep", lambda _: clean_up.__exit__(None, None, None))
    with there.in_use():
        assert "Waiting for the clean-up of memory://shared-wait" in caplog.text
