import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prunable import entries, key, prune, publish, touch, tree
from sightline.errors import StorageError
from sightline.experiments import run_folder
from sightline.storage import files


def exist(folder, *names):
    return [(folder / name).exists() for name in names]


def test_unfinished_files_and_unused_locks_are_removed(workspace):
    publish(workspace, "new", "2")
    complete = ["history.png", "datasets/mnist/t10k.gz", "noise/band.json", "watch/look.json"]
    unfinished = [
        str(path.with_name(f".{path.name}.0123abcd.tmp"))
        for path in map(Path, [*complete, "pins/a.json", "runs/new", f"cache/build/{key('1')}"])
    ]
    removed = ["runs/.old.0123abcd.aside", f"cache/build/.{key('2')}.0123abcd.aside"]
    locks = [f"cache/build/.{key('1')}.lock", "runs/.killed.lock"]
    files_in_folders = [f"{name}/half" for name in (*unfinished[-2:], *removed)]
    touch(workspace.root, *complete, *unfinished[:-2], *files_in_folders, *locks)
    plan = prune(workspace, 1)
    assert {left.path for left in plan.leftovers} == {*unfinished, *removed}
    assert not any(exist(workspace.root, *unfinished, *removed, *locks))
    assert all(exist(workspace.root, *complete))
    assert workspace.path(f"cache/build/.{key('2')}.lock").exists(), "an entry keeps its lock"
    assert [path.name for path in workspace.path("runs").iterdir()] == ["new"]


def test_unfinished_models_are_removed_but_not_linked(workspace, tmp_path):
    publish(workspace, "new", "2")
    unfinished = [".last_event.json.0123abcd.tmp"]
    unfinished += [f"{name}/.1.0123abcd.tmp" for name in ("versions", "audit", "attestations")]
    models, elsewhere = workspace.path("models/mnist"), tmp_path / "elsewhere"
    for folder in (models, elsewhere):
        touch(folder, *unfinished, "versions/1", "audit/notes")
    workspace.path("models/zoo").symlink_to(elsewhere)
    plan = prune(workspace, 1)
    assert {left.path for left in plan.leftovers} == {f"models/mnist/{name}" for name in unfinished}
    assert exist(models, *unfinished, "versions/1") == [False] * 4 + [True]
    assert all(exist(elsewhere, *unfinished))


KILLED_PRUNE = """
import os, pathlib, signal, sys
from sightline.registry.retention import registered_models
from sightline.experiments.prune import prune
from sightline.storage.workspace import Workspace
left, unlink = int(sys.argv[2]), os.unlink
def count_and_unlink(*arguments, **options):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    unlink(*arguments, **options)
os.unlink = count_and_unlink
prune.prune(Workspace(pathlib.Path(sys.argv[1])), 1, registered_models)
"""


@pytest.mark.parametrize("removed", [0, 3, 6])
def test_killed_cleanup_leaves_nothing_half_removed(workspace, removed):
    for digit in "123":
        publish(workspace, f"run-{digit}", digit)
    before = tree(workspace.root)
    arguments = ["-c", KILLED_PRUNE, str(workspace), str(removed)]
    assert subprocess.call([sys.executable, *arguments]) == -signal.SIGKILL
    after = tree(workspace.root)
    half = [len(files.leftovers(workspace.path(name))) for name in ("runs", "cache/build")]
    assert sum(half) == 1
    for run_id in run_folder.run_ids(workspace):
        assert {name for name in before if name.startswith(f"runs/{run_id}/")} <= after.keys()
    prune(workspace, 1)
    assert [path.name for path in workspace.path("runs").iterdir()] == ["run-3"]
    assert entries(workspace) == ["3"]


def test_failed_removal_is_reported(workspace, monkeypatch):
    publish(workspace, "old")
    publish(workspace, "new")
    monkeypatch.setattr(files.shutil, "rmtree", lambda path, ignore_errors: None)
    with pytest.raises(StorageError, match=r"\.old\..*\.aside.* prune again"):
        prune(workspace, 1)
    assert run_folder.run_ids(workspace) == ["new"]
