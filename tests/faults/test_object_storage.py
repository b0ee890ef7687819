"""Cache entries and checkpoints on an S3 server that fails in every way of object storage."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

import made_entries
from made_entries import KEY, MANIFEST, making, never, objects
from processes import wait_for
from sightline.errors import BusyStorageError, StorageError
from sightline.models.build import BUILD
from sightline.pipeline.cache import find, find_or_make
from sightline.records import Run
from sightline.storage import claims, store_client
from sightline.storage.claims import Claim
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace

PROGRAM = """
import pathlib, sys
from made_entries import KEY, making
from sightline.models.build import BUILD
from sightline.pipeline.cache import find_or_make
from sightline.records import Run
from sightline.storage.workspace import Workspace
run = Run(id="killed", workspace=Workspace(pathlib.Path(sys.argv[1]), sys.argv[2]))
find_or_make(run, BUILD, KEY, making("killed"))
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    retries = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
    pause = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=2)}
    monkeypatch.setattr(store_client, "_RETRY", {**retries, "backoff": pause})
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.01)


@pytest.fixture
def machines(s3, tmp_path):
    """A run on each of two machines with one store."""
    url = f"{s3.new_bucket()}/team"
    return [Run(id=name, workspace=Workspace(tmp_path / name, url)) for name in ("a", "b")]


def content(run, record):
    return (run.workspace.root / record.summary.path).read_text()


def test_writer_that_is_killed_between_two_objects_leaves_no_entry(s3, machines, monkeypatch):
    monkeypatch.setattr(Claim, "ended", True)
    one, two = machines
    fault = s3.add("500", MANIFEST, method="PUT", times=1_000)
    command = [sys.executable, "-c", PROGRAM, str(one.workspace.root), one.workspace.url]
    with subprocess.Popen(command, cwd=Path(made_entries.__file__).parent) as process:
        wait_for("it pushes the manifest", lambda: ("PUT", f"team/{MANIFEST}") in s3.requests)
        process.kill()
    fault.times = 0
    assert len(objects(two.workspace.store)) == 2
    assert find(two, BUILD, KEY) is None
    made = find_or_make(two, BUILD, KEY, making("second"))
    assert content(two, made) == "second"
    assert find(one, BUILD, KEY).record == made


def test_two_writers_end_with_one_entry(machines):
    one, two = machines
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda run: find_or_make(run, BUILD, KEY, making(run.id)), machines))
    assert made[0] == made[1]
    assert content(one, made[0]) == content(two, made[0])
    assert list(one.workspace.store.list("claims/")) == []


@pytest.mark.parametrize("kind", ["500", "503", "slow", "lost"])
@pytest.mark.parametrize("key", ["summary", "manifest.json", "claims/"])
def test_failures_that_pass_cost_nothing(s3, machines, kind, key):
    one, two = machines
    fault = s3.add(kind, key, times=2)
    made = find_or_make(one, BUILD, KEY, making("x"))
    assert fault.times < 2
    s3.add(kind, key, times=2)
    assert find_or_make(two, BUILD, KEY, never) == made


def test_service_that_keeps_failing_ends_the_stage_and_the_next_run_pushes_its_result(s3, machines):
    one, two = machines
    fault = s3.add("500", "summary", method="PUT", times=1_000)
    with pytest.raises(BusyStorageError, match=r"s3://bucket-\d+/team did not answer"):
        find_or_make(one, BUILD, KEY, making("x"))
    fault.times = 0
    made = find_or_make(one, BUILD, KEY, never)
    assert find(two, BUILD, KEY).record == made


def test_body_that_ends_too_early_is_fetched_again(s3, machines):
    one, two = machines
    made = find_or_make(one, BUILD, KEY, making("x" * 100_000))
    fault = s3.add("cut", "summary", method="GET")
    assert find(two, BUILD, KEY).record == made
    assert fault.times == 0


def test_entry_that_no_listing_shows_yet_is_found(s3, machines):
    one, two = machines
    made = find_or_make(one, BUILD, KEY, making("x"))
    s3.add("hidden")
    assert find(two, BUILD, KEY).record == made


@pytest.mark.parametrize("kind", ["expired", "denied"])
def test_expired_credentials_are_refused_with_the_remedy(s3, machines, kind):
    s3.add(kind, times=1_000)
    with pytest.raises(StorageError, match="AWS_SESSION_TOKEN") as refusal:
        machines[0].workspace.check_writable()
    assert not isinstance(refusal.value, BusyStorageError)


def test_missing_bucket_and_missing_service_are_named(s3, monkeypatch):
    store = ObjectStore("s3://bucket-that-is-missing/x")
    for act in (lambda: store.read("a"), lambda: store.create("a", b""), lambda: [*store.list()]):
        with pytest.raises(StorageError, match=r"bucket of s3://bucket-that-is-missing/x does not"):
            act()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BusyStorageError, match="connection"):
        ObjectStore("s3://bucket").read("a")


def test_credentials_that_are_nowhere_are_asked_for(s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StorageError, match="credentials"):
        ObjectStore("s3://bucket/x").read("a")
