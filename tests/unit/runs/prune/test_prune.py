import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from elsewhere import at_work_elsewhere
from prunable import Publish, entries, entry, key, plan, prune, tree
from sightline.errors import InputError, StorageError
from sightline.runs import run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.mark.parametrize("place", ["runs/old", "runs", f"cache/build/{key('1')}", "cache/build"])
def test_symbolic_link_and_what_lies_behind_it_are_skipped(
    artifacts: Path, tmp_path: Path, publish: Publish, place: str
) -> None:
    publish("old", "1")
    publish("new", "2")
    link, target = artifacts / place, tmp_path / "elsewhere"
    link.rename(target)
    link.symlink_to(target)
    before = tree(target)
    plan = prune(artifacts, 1)
    assert link.is_symlink()
    assert tree(target) == before
    linked_runs = {"runs/old", "runs/new"} if place == "runs" else {place}
    assert {left.path for left in plan.skipped} == linked_runs
    assert entry(artifacts, "2").exists()
    assert entry(artifacts, "1").exists()


def test_what_is_no_run_and_no_entry_is_skipped(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    unknown = ["cache/notes.txt", f"cache/other/{key('3')}/x", "cache/build/v2/x"]
    hidden = ["runs/.notebook/x", "cache/.notebook/x", "cache/build/.hidden/x", "runs/notes.txt"]
    others = ["datasets/mnist/x", "checkpoints/x/y", "watch/x.json", "cache/.other.0123abcd.tmp/x"]
    for name in (*unknown, *hidden, *others):
        (artifacts / name).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / name).touch()
    plan = prune(artifacts, 1)
    assert all((artifacts / name).exists() for name in (*unknown, *hidden, *others))
    assert [left.path for left in plan.skipped] == [
        "cache/build/v2",
        "cache/notes.txt",
        "cache/other",
    ]
    assert entries(artifacts) == ["2", "v"]


def test_clean_up_waits_for_no_run_and_is_free_when_the_run_is_killed(
    artifacts: Path, publish: Publish
) -> None:
    publish("old", "1")
    publish("new", "2")
    with at_work_elsewhere(artifacts) as process:
        before = tree(artifacts)
        with pytest.raises(InputError, match="prune when it has ended"):
            prune(artifacts, 1)
        assert tree(artifacts) == before
        process.send_signal(signal.SIGKILL)
        process.wait()
        prune(artifacts, 1)
    assert run_folder.run_ids(Workspace(artifacts)) == ["new"]


def test_plan_changes_nothing_and_says_what_is_removed_then(
    artifacts: Path, publish: Publish
) -> None:
    publish("old", "1")
    publish("new", "2")
    before, size = tree(artifacts), files.size(artifacts)
    planned = plan(artifacts, 1)
    assert tree(artifacts) == before
    assert prune(artifacts, 1) == planned
    assert size - files.size(artifacts) == planned.bytes > 0
    again = prune(artifacts, 1)
    assert (again.runs, again.entries, again.leftovers, again.bytes) == ((), (), (), 0)


def test_pins_that_cannot_be_read_stop_the_clean_up(artifacts: Path, publish: Publish) -> None:
    publish("old")
    publish("new")
    (artifacts / "pins").touch()
    with pytest.raises(StorageError, match="pins"):
        prune(artifacts, 1)
    assert run_folder.run_ids(Workspace(artifacts)) == ["new", "old"]


@pytest.mark.parametrize("act", [plan, prune])
def test_mistakes_are_refused_before_anything_is_made(
    tmp_path: Path, act: Callable[[Path, int], object]
) -> None:
    with pytest.raises(InputError, match=r"nowhere.*--artifacts"):
        act(tmp_path / "nowhere", 1)
    with pytest.raises(InputError, match="keep"):
        act(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []


def test_empty_artifacts_folder_has_nothing_to_remove(tmp_path: Path) -> None:
    plan = prune(tmp_path)
    assert (plan.runs, plan.entries, plan.leftovers, plan.kept) == ((), (), (), ())
    assert plan.cache_checked
