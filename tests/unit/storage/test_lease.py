from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from elsewhere import lock_wait
from sightline.errors import BusyStorageError
from sightline.storage import lease
from sightline.storage.object_store import ObjectStore

KEY = "leases/train"


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.01)
    return ObjectStore("memory://tests")


def hold(store, owner):
    with lease.held(store, KEY, owner, "train"):
        return store.read(KEY)


def test_lease_is_gone_when_its_holder_is_done(store):
    assert b'"one"' in hold(store, "one")
    assert store.read(KEY) is None


def test_second_machine_waits_for_the_first_and_says_so(store, caplog):
    with ThreadPoolExecutor() as pool, lock_wait() as logged:
        with lease.held(store, KEY, "one", "train"):
            second = pool.submit(hold, store, "two")
            assert logged.wait(60)
            assert not second.done()
        assert b'"two"' in second.result()
    assert "train" in caplog.text


@pytest.mark.parametrize("left", [b'{"owner": "dead"}', b"damaged"])
def test_lease_that_is_not_renewed_is_taken_over(store, monkeypatch, left):
    monkeypatch.setattr(lease, "EXPIRES_SECONDS", 0.05)
    store.write(KEY, left)
    assert b'"one"' in hold(store, "one")


def test_own_lease_of_a_killed_process_is_taken_over_at_once(store):
    store.write(KEY, b'{"owner": "one"}')
    assert b'"one"' in hold(store, "one")


def test_lease_is_renewed_also_after_a_failure(store, monkeypatch):
    monkeypatch.setattr(lease, "_RENEW_SECONDS", 0.01)
    replace, done, renewed = store.replace, [], Event()

    def first_fails(*arguments):
        done.append(arguments)
        if len(done) == 1:
            raise BusyStorageError("busy")
        assert replace(*arguments)
        renewed.set()
        return True

    monkeypatch.setattr(store, "replace", first_fails)
    with lease.held(store, KEY, "one", "train"):
        assert renewed.wait(60)


def test_lease_of_another_machine_is_left_alone(store, monkeypatch):
    with lease.held(store, KEY, "one", "train"):
        store.write(KEY, b'{"owner": "two"}')
    assert store.read(KEY) == b'{"owner": "two"}'
