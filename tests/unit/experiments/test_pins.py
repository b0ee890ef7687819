from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

import made_runs
from elsewhere import lock_wait
from excerpts import excerpt
from sightline.errors import InputError, StorageError
from sightline.experiments import pins, run_folder
from sightline.experiments.pins import Pin
from sightline.storage import files


@pytest.fixture
def folder(workspace):
    return made_runs.write(workspace.root, excerpt("best"))


def test_pin_has_a_time_and_reason_outside_the_run_until_it_is_removed(workspace, folder):
    pins.pin(workspace, "be", "first")
    pins.pin(workspace, "latest", "in the paper")
    pin = pins.read(workspace, "best")
    assert pin.reason == "in the paper"
    assert abs(datetime.now(UTC) - pin.pinned) < timedelta(minutes=1)
    assert [path.name for path in folder.iterdir()] == [run_folder.MANIFEST]
    assert pins.pinned_ids(workspace) == {"best"}
    assert pins.unpin(workspace, "latest") == "best"
    assert pins.read(workspace, "best") is None
    with pytest.raises(InputError, match=r"'best' .*`sightline runs list`"):
        pins.unpin(workspace, "best")
    pins.pin(workspace, "best")
    files.remove(folder)
    assert pins.unpin(workspace, "best") == "best", "even if the run is gone"


def test_unknown_run_is_neither_pinned_nor_unpinned(workspace, tmp_path):
    for change in (pins.pin, pins.unpin):
        with pytest.raises(InputError, match="'nothing'"):
            change(workspace, "nothing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", None])
def test_damaged_pin_protects_a_run(workspace, folder, content):
    pins.pin(workspace, "best", "reason")
    path = workspace.path("pins/best.json")
    flipped = path.read_bytes().replace(b': "reason', b': "season', 1)
    path.write_bytes(flipped if content is None else content)
    assert pins.pinned_ids(workspace) == {"best"}
    assert pins.read(workspace, "best") == Pin(run_id="best", pinned=None)


def test_unfinished_pin_does_not_count(workspace):
    made_runs.write_file(workspace.root, "pins/.best.json.0123abcd.tmp")
    assert pins.pinned_ids(workspace) == frozenset()
    files.remove(workspace.path("pins"))
    workspace.path("pins").touch()
    with pytest.raises(StorageError, match="pins"):
        pins.pinned_ids(workspace)


def test_run_that_a_cleanup_removes_is_not_pinned(workspace, folder):
    with ThreadPoolExecutor() as pool:
        with lock_wait() as said, workspace.exclusive():
            pinning = pool.submit(pins.pin, workspace, "best")
            assert said.wait(60)
            files.set_aside(folder)
        with pytest.raises(InputError, match="'best'"):
            pinning.result()
    assert not workspace.path("pins").exists()
