import subprocess
import sys
from pathlib import Path

import pytest

from sightline import files


def test_new_file_appears_only_when_finished(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "result.txt"
    with files.new_file(target) as temporary:
        temporary.write_text("content")
        assert not target.exists()
    assert target.read_text() == "content"
    assert list(target.parent.iterdir()) == [target]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")

    def write_and_fail() -> None:
        with files.new_file(target) as temporary:
            temporary.write_text("new")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_and_fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "entry"
    target.mkdir()
    (target / "old").touch()
    with files.new_folder(target, replace=True) as temporary:
        (temporary / "new").touch()
        assert (target / "old").exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_new_folder_never_overwrites_unless_asked(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()

    def publish() -> None:
        with files.new_folder(target, replace=False) as temporary:
            (temporary / "new").touch()

    with pytest.raises(OSError, match="not empty"):
        publish()
    assert [path.name for path in target.iterdir()] == ["old"]


def test_lock_of_a_killed_holder_is_free_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    program = (
        "import os, pathlib, sys\n"
        "from sightline import files\n"
        "with files.locked(pathlib.Path(sys.argv[1]), 'test'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        waiter = subprocess.Popen(
            [sys.executable, "-c", program, str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with waiter:
            assert waiter.stdout is not None
            assert waiter.poll() is None
            holder.kill()
            assert waiter.stdout.readline() == b"held\n"
