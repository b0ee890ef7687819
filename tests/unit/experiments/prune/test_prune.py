import signal

import pytest

from elsewhere import used_elsewhere
from prunable import entries, key, plan, prune, publish, touch, tree
from sightline.errors import InputError, StorageError
from sightline.experiments import run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(workspace):
    """Two runs, an old one and a new one, with a cache entry each."""
    publish(workspace, "old", "1")
    publish(workspace, "new", "2")
    return workspace.root


@pytest.mark.parametrize(
    "linked", ["runs/old", "runs", f"cache/build/{key('1')}", "cache/build", "cache"]
)
def test_symbolic_links_are_neither_followed_nor_removed(workspace, root, tmp_path, linked):
    link, target = root / linked, tmp_path / "elsewhere"
    link.rename(target)
    link.symlink_to(target)
    before = tree(target)
    found = prune(workspace, 1)
    assert link.is_symlink()
    assert tree(target) == before
    expected = {"runs/old", "runs/new"} if linked == "runs" else {linked}
    assert {left.path for left in found.skipped} == expected
    assert entries(workspace) == ["1", "2"]


def test_unknown_files_are_skipped(workspace, root):
    unknown = ["cache/notes.txt", f"cache/other/{key('3')}/x", "cache/build/v2/x"]
    hidden = ["runs/.notebook/x", "cache/.notebook/x", "cache/build/.hidden/x", "runs/notes.txt"]
    others = ["datasets/mnist/x", "checkpoints/x/y", "watch/x.json", "cache/.other.0123abcd.tmp/x"]
    touch(root, *unknown, *hidden, *others)
    found = prune(workspace, 1)
    assert all((root / name).exists() for name in (*unknown, *hidden, *others))
    skipped = ["cache/build/v2", "cache/notes.txt", "cache/other"]
    assert [left.path for left in found.skipped] == skipped
    assert entries(workspace) == ["2", "v"]


def test_cleanup_is_refused_while_a_run_is_active(workspace, root):
    with used_elsewhere(root) as process:
        before = tree(root)
        with pytest.raises(InputError, match=str(root)):
            prune(workspace, 1)
        assert tree(root) == before
        process.send_signal(signal.SIGKILL)
        process.wait()
        prune(workspace, 1)
    assert run_folder.run_ids(workspace) == ["new"]


def test_plan_changes_nothing_and_equals_the_cleanup(workspace, root):
    before, size = tree(root), files.size(root)
    planned = plan(workspace, 1)
    assert tree(root) == before
    assert prune(workspace, 1) == planned
    assert size - files.size(root) == planned.bytes > 0
    again = prune(workspace, 1)
    assert (again.runs, again.entries, again.leftovers, again.bytes) == ((), (), (), 0)


def test_unreadable_pins_stop_the_cleanup(workspace, root):
    (root / "pins").touch()
    with pytest.raises(StorageError, match="pins"):
        prune(workspace, 1)
    assert run_folder.run_ids(workspace) == ["new", "old"]


@pytest.mark.parametrize("act", [plan, prune])
def test_mistakes_are_refused_before_anything_is_written(tmp_path, act):
    with pytest.raises(InputError, match=r"nowhere.*--artifacts"):
        act(Workspace(tmp_path / "nowhere"), 1)
    with pytest.raises(InputError, match="keep"):
        act(Workspace(tmp_path), 0)
    assert list(tmp_path.iterdir()) == []
    assert prune(Workspace(tmp_path)).bytes == 0
