import os
import time
from pathlib import Path

import pytest

from prunable import entries, key, prune, publish, tree
from sightline.experiments import run_folder
from sightline.models.build import BUILD
from sightline.pipeline import cache
from sightline.storage import files


def test_cache_entries_that_only_old_runs_needed_are_removed(workspace, run):
    publish(workspace, "old", "1")
    publish(workspace, "older-with-a-shared-entry", "2")
    publish(workspace, "new", "2")
    prune(workspace, 1)
    names = sorted(path.name for path in workspace.path("cache/build").iterdir())
    assert names == [f".{key('2')}.lock", key("2")]
    assert cache.find(run, BUILD, key("2")) is not None
    publish(workspace, "again", "2")
    assert run_folder.run_ids(workspace) == ["again", "new"]


def write_as_another_version_would(path):
    path.write_text(path.read_text().replace('"run_id"', '"future": 1, "run_id"', 1))


def unmount(path):
    files.remove(path.parent)
    path.parent.symlink_to("/nonexistent/run")


@pytest.mark.parametrize("damage", [write_as_another_version_would, Path.unlink, unmount])
def test_unreadable_run_keeps_cache(workspace, damage):
    for name, digit in (("unreadable", "1"), ("old", "2"), ("new", "3")):
        publish(workspace, name, digit)
    damage(run_folder.folder(workspace, "unreadable") / run_folder.MANIFEST)
    plan = prune(workspace, 1)
    assert sorted(path.name for path in workspace.path("runs").iterdir()) == ["new", "unreadable"]
    assert entries(workspace) == ["1", "2", "3"]
    assert (plan.entries, plan.cache_checked) == ((), False)
    assert [left.path for left in plan.skipped] == ["runs/unreadable"]
    assert "manifest.json" in plan.skipped[0].reason


def interrupted_training(workspace, digit, days_ago):
    """Leave the checkpoints of a training, the last one written some days ago."""
    folder = workspace.path(f"checkpoints/{key(digit)}")
    folder.mkdir(parents=True)
    written = time.time() - days_ago * 24 * 3600
    for steps in (1, 2):
        path = folder / f"checkpoint-{steps:09}-0123456789abcdef.npz"
        path.write_bytes(b"1234")
        os.utime(path, (written, written - steps))
    os.utime(folder, (written, written))
    return folder


def test_checkpoints_that_no_training_resumes_from_are_removed(workspace):
    publish(workspace, "new", "2")
    resumable = interrupted_training(workspace, "3", days_ago=6.9)
    abandoned = interrupted_training(workspace, "4", days_ago=7.1)
    done = interrupted_training(workspace, "5", days_ago=0)
    workspace.path(f"cache/train/{key('5')}").mkdir(parents=True)
    half = resumable.with_name(f".{key('6')}.0123abcd.aside")
    half.mkdir()
    plan = prune(workspace, 1)
    assert [path.name for path in workspace.path("checkpoints").iterdir()] == [key("3")]
    assert {left.path: left.bytes for left in plan.leftovers} == {
        f"checkpoints/{path.name}": size for path, size in ((abandoned, 8), (done, 8), (half, 0))
    }
    assert [left.path for left in plan.skipped] == [f"checkpoints/{key('3')}"]
    assert "7 days" in plan.skipped[0].reason


def test_linked_checkpoints_are_skipped(workspace, tmp_path):
    folder = interrupted_training(workspace, "3", days_ago=100)
    target = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(target)
    before = tree(target)
    assert [left.path for left in prune(workspace, 1).skipped] == [f"checkpoints/{key('3')}"]
    assert tree(target) == before
