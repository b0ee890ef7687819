"""Runs and the registry on an S3 server that fails as object storage does."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from machines import keys, publish, two
from runs_to_promote import decide
from sightline import registry
from sightline.errors import (
    BusyStorageError,
    ChampionChangedError,
    InputError,
    RunExistsError,
    StorageError,
)
from sightline.experiments import new_run, run_folder, verify
from sightline.registry import audit_log


@pytest.fixture
def machines(s3, tmp_path):
    return two(tmp_path, f"{s3.new_bucket()}/team")


@pytest.fixture
def versions(machines):
    """Two candidates that no champion was compared with."""
    return [registry.register(machines[0], publish(machines[0], f"run-{n}")) for n in (1, 2)]


def promote(workspace, version, expected=None):
    decision = decide(version.run_id, expected)
    return registry.promote(workspace, version, "better", decision, expected)


def test_one_of_two_simultaneous_promotions_from_two_caches_wins(machines, versions, monkeypatch):
    both_have_read = threading.Barrier(2, timeout=60)

    def attempt(workspace, version):
        try:
            return promote(workspace, version).version
        except ChampionChangedError as error:
            return error

    monkeypatch.setattr(audit_log, "append", meeting(audit_log.append, both_have_read))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(attempt, machines, versions))
    refused = [one for one in outcomes if isinstance(one, ChampionChangedError)]
    (won,) = (one for one in outcomes if isinstance(one, str))
    assert len(refused) == 1
    assert f"is now {won}, not none" in str(refused[0])
    for workspace in machines:
        assert registry.aliases(workspace, "mnist").champion == won
        assert [event.number for event in registry.history(workspace)] == [1, 2, 3]


def meeting(append, barrier):
    """Let the first two calls add their event only when both have read the log."""
    calls = iter(range(2))

    def together(*args, **details):
        if next(calls, None) is not None:
            barrier.wait()
        return append(*args, **details)

    return together


def test_answer_that_was_lost_is_not_taken_for_another_machines_event(s3, machines, versions):
    s3.add("lost", "audit/000003", method="PUT")
    assert promote(machines[0], versions[0]).number == 3
    assert [event.number for event in registry.history(machines[1])] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["500", "503", "slow", "cut"])
def test_short_trouble_costs_time_only(s3, machines, versions, kind):
    a, b = machines
    s3.add(kind, "", times=2, seconds=0.1)
    promote(a, versions[0])
    s3.add(kind, "", times=2, seconds=0.1)
    assert registry.champion(b, "mnist") == versions[0]
    s3.add(kind, "model", times=2, seconds=0.1)
    assert registry.verify(b, "mnist-v1").damages == ()


def test_body_that_is_always_cut_leaves_no_file(s3, machines, versions):
    _, b = machines
    s3.add("cut", r"model\.keras", method="GET", times=99)
    with pytest.raises(BusyStorageError, match="did not answer as expected"):
        verify.intact_file(b, run_folder.read(b, "run-1"), "model.keras")
    assert not list(run_folder.folder(b, "run-1").glob("*model*"))


def test_expired_credentials_are_one_sentence_and_change_nothing(s3, machines, versions):
    a, b = machines
    before = keys(a)
    fault = s3.add("expired", times=99)
    for attempt in (
        lambda: run_folder.run_ids(b),
        lambda: promote(a, versions[0]),
        lambda: registry.champion(b, "mnist"),
    ):
        with pytest.raises(StorageError, match="credentials are missing, expired"):
            attempt()
    fault.times = 0
    assert keys(a) == before
    assert registry.aliases(b, "mnist").champion is None


def test_events_that_a_listing_hides_count(s3, machines, versions):
    a, b = machines
    promote(a, versions[0])
    s3.add("hidden", "audit/00000[23]|last_event|versions/2")
    assert registry.champion(b, "mnist") == versions[0]
    promote(b, versions[1], "mnist-v1")
    assert registry.aliases(a, "mnist").champion == "mnist-v2"
    with pytest.raises(ChampionChangedError):
        promote(a, versions[0])


def test_run_that_a_listing_hides_is_found_by_its_id_and_never_replaced(s3, machines):
    a, b = machines
    publish(a, "run-1")
    s3.add("hidden", "run-1")
    assert run_folder.run_ids(b) == []
    assert run_folder.read(b, "run-1").run_id == "run-1"
    with pytest.raises(RunExistsError):
        new_run.check_new(b, "run-1")


def test_one_machine_makes_a_run(machines):
    def attempt(workspace):
        try:
            with new_run.claim(workspace, "run-1"):
                started.wait()
            return "made"
        except RunExistsError:
            started.wait()
            return "refused"

    started = threading.Barrier(2, timeout=60)
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, machines)) == ["made", "refused"]


def test_service_that_ignores_conditions_is_refused_before_anything_is_written(s3, machines):
    s3.add("unconditional", times=99)
    with pytest.raises(StorageError, match="supports conditional writes"), machines[0].in_use():
        pass
    assert keys(machines[0]) == []


def test_damage_in_the_bucket_is_named(s3, machines, versions):
    machines[0].store.write("models/mnist/audit/000001.json", b"{}")
    with pytest.raises(InputError, match=r"audit/000001\.json cannot be read"):
        registry.champion(machines[1], "mnist")
