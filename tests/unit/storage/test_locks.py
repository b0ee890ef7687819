import errno
import fcntl
import subprocess
import sys

import pytest

from sightline.errors import StorageError
from sightline.storage import locks


def test_lock_of_a_killed_holder_is_free_at_once(tmp_path):
    lock = tmp_path / "lock"
    program = (
        "import os, pathlib, sys\n"
        "from sightline.storage import locks\n"
        "with locks.alone(pathlib.Path(sys.argv[1]), 'test'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command, pipe = [sys.executable, "-c", program, str(lock)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout.readline() == b"held\n"
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as waiter:
            assert waiter.poll() is None
            holder.kill()
            assert waiter.stdout.readline() == b"held\n"


@pytest.mark.parametrize(
    "lock", [lambda path: locks.alone(path, "test"), locks.alone_if_free, locks.inheritable]
)
def test_file_system_without_locks_is_named(lock, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(StorageError, match=f"{tmp_path}/lock.*No locks available"),
        lock(tmp_path / "lock"),
    ):
        pass
