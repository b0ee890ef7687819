import os
import time
from pathlib import Path

from prunable import Publish, key, prune, tree


def interrupted_training(root: Path, digit: str, days_ago: float) -> Path:
    """Leave the checkpoints of a training behind, the last one written some days ago."""
    folder = root / "checkpoints" / key(digit)
    folder.mkdir(parents=True)
    written = time.time() - days_ago * 24 * 3600
    for steps in (1, 2):
        path = folder / f"checkpoint-{steps:09}-0123456789abcdef.npz"
        path.write_bytes(b"1234")
        os.utime(path, (written, written - steps))
    os.utime(folder, (written, written))
    return folder


def test_checkpoints_that_no_training_goes_on_from_are_removed(
    artifacts: Path, publish: Publish
) -> None:
    publish("new", "2")
    waiting = interrupted_training(artifacts, "3", days_ago=6.9)
    given_up = interrupted_training(artifacts, "4", days_ago=7.1)
    done = interrupted_training(artifacts, "5", days_ago=0)
    (artifacts / "cache" / "train" / key("5")).mkdir(parents=True)
    half = waiting.with_name(f".{key('6')}.0123abcd.aside")
    half.mkdir()
    plan = prune(artifacts, 1)
    folder = artifacts / "checkpoints"
    assert [path.name for path in folder.iterdir()] == [key("3")]
    assert {left.path: left.bytes for left in plan.leftovers} == {
        f"checkpoints/{path.name}": size for path, size in ((given_up, 8), (done, 8), (half, 0))
    }
    assert [left.path for left in plan.skipped] == [f"checkpoints/{key('3')}"]
    assert "7 days" in plan.skipped[0].reason


def test_linked_checkpoints_are_skipped(artifacts: Path, tmp_path: Path, publish: Publish) -> None:
    publish("new", "2")
    folder = interrupted_training(artifacts, "3", days_ago=100)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / "elsewhere")
    plan = prune(artifacts, 1)
    assert [left.path for left in plan.skipped] == [f"checkpoints/{key('3')}"]
    assert tree(tmp_path / "elsewhere") == before
