import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from elsewhere import lock_wait
from sightline.errors import BusyStorageError, StorageError
from sightline.storage import claims, conditions, replica
from sightline.storage.author import author
from sightline.storage.claims import ClaimedError, held
from sightline.storage.object_store import ObjectStore

NAME = "run/a-run"
KEY = f"claims/{NAME}"


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.01)
    return ObjectStore("memory://tests")


@pytest.fixture
def a(tmp_path):
    return tmp_path / "a"


@pytest.fixture
def b(tmp_path):
    return tmp_path / "b"


def place(store, root, waiting=""):
    """Hold the claim for a moment; return the replica that it names."""
    with held(store, root, NAME, waiting):
        return claims.find(store, NAME).place


def test_claim_of_another_machine_rules_one_out_until_it_ends(store, a, b, monkeypatch):
    with held(store, a, NAME):
        with pytest.raises(ClaimedError) as refused, held(store, b, NAME):
            pass
        assert refused.value.claim.by == author()
        with held(store, b, f"{NAME}-2"):
            assert set(claims.names(store, "run/")) == {NAME, f"{NAME}-2"}
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + claims.EXPIRES_SECONDS + 1)
        assert place(store, b) == replica.identity(b)
    assert claims.names(store) == []


def test_one_of_many_machines_gets_a_claim(store, tmp_path):
    def attempt(number):
        try:
            with held(store, tmp_path / str(number), NAME):
                done.wait(60)
            return True
        except ClaimedError:
            return False

    done = Event()
    with ThreadPoolExecutor(8) as pool:
        attempts = [pool.submit(attempt, number) for number in range(8)]
        while sum(one.done() for one in attempts) < 7:
            time.sleep(0.01)
        done.set()
    assert sum(one.result() for one in attempts) == 1


def test_second_machine_waits_for_the_first_and_says_so(store, a, b, caplog):
    with ThreadPoolExecutor() as pool, lock_wait() as logged:
        with held(store, a, NAME):
            second = pool.submit(place, store, b, "Waiting for the training")
            assert logged.wait(60)
            assert not second.done()
        assert second.result() == replica.identity(b)
    assert caplog.messages == ["Waiting for the training"]


def test_claim_of_a_killed_process_of_this_replica_is_taken_over(store, a, monkeypatch):
    with held(store, a, NAME):
        monkeypatch.setattr(claims, "_PROCESS", "next")
        with held(store, a, NAME):
            assert claims.find(store, NAME).process == "next"


def test_claim_is_renewed_also_after_a_failure(store, a, monkeypatch):
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.01)
    replace, done, renewed = store.replace, [], Event()

    def first_fails(*arguments):
        done.append(arguments)
        if len(done) == 1:
            raise BusyStorageError("busy")
        assert replace(*arguments)
        renewed.set()
        return True

    conditions.check(store)
    monkeypatch.setattr(store, "replace", first_fails)
    with held(store, a, NAME) as claim:
        first = claims.find(store, NAME).until
        assert renewed.wait(60)
        assert claims.find(store, NAME).until > first
        claim.check()


def test_holder_learns_that_its_claim_had_ended(store, a, monkeypatch):
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.01)
    with held(store, a, NAME) as claim:
        store.delete(KEY)
        while not claims.names(store):
            time.sleep(0.01)
        with pytest.raises(StorageError, match="could not be renewed in time"):
            claim.check()


@pytest.mark.parametrize("passed", [(61, 0), (0, 61)], ids=["monotonic", "wall clock"])
def test_holder_that_was_silent_for_a_minute_may_change_nothing(store, a, monkeypatch, passed):
    with held(store, a, NAME) as claim:
        store.write(KEY, b"that of the next holder")
        now = [clock + seconds for clock, seconds in zip(claims._clocks(), passed, strict=True)]
        monkeypatch.setattr(claims, "_clocks", lambda: now)
        with pytest.raises(StorageError, match="could not be renewed in time"):
            claim.check()
    assert store.read(KEY) == b"that of the next holder"


def test_release_does_not_wait_for_a_service_that_does_not_answer(store, a, monkeypatch):
    monkeypatch.setattr(claims, "RELEASE_SECONDS", 0.01)
    delete, answers = store.delete, Event()
    with held(store, a, NAME) as claim:
        monkeypatch.setattr(store, "delete", lambda key: answers.wait(60) and delete(key))
    assert claims.names(store) == [NAME]
    answers.set()
    claim._renewal.join()
    assert claims.names(store) == []


def test_release_leaves_the_claim_of_the_next_holder(store, a):
    other = json.dumps({"place": "b", "process": "1", "by": "me", "until": time.time() + 60})
    with held(store, a, NAME):
        store.write(KEY, other.encode())
    assert claims.find(store, NAME).place == "b"


def test_what_killed_processes_left_is_removed(store, a):
    left = {"place": "a", "process": "1", "by": "me", "until": time.time() - 1}
    store.write("claims/cache/train/0", json.dumps(left).encode())
    with held(store, a, NAME):
        claims.remove_ended(store)
        assert claims.names(store) == [NAME]


def test_service_that_ignores_conditions_is_refused(store, a, monkeypatch):
    def fail(*_):
        raise BusyStorageError("it did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", fail)
        with pytest.raises(BusyStorageError), held(store, a, NAME):
            pass
    monkeypatch.setattr(store, "create", lambda key, content: store.write(key, content) is None)
    with pytest.raises(StorageError, match="supports conditional writes"), held(store, a, NAME):
        pass
    assert list(store.list()) == []


def test_service_that_does_not_answer_a_conditional_write_is_not_refused_for_good(
    store, a, monkeypatch
):
    def fail(*_):
        raise BusyStorageError("it did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(store, "create", fail)
        with pytest.raises(BusyStorageError), held(store, a, NAME):
            pass
    assert list(store.list()) == []
    with held(store, a, NAME):
        assert claims.find(store, NAME)


def test_damaged_claim_is_named(store, a):
    store.write(KEY, b"[]")
    with pytest.raises(StorageError, match=r"claims/run/a-run is damaged"), held(store, a, NAME):
        pass
