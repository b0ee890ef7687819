import subprocess
import sys
from pathlib import Path


def test_lock_of_a_killed_holder_is_free_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    program = (
        "import os, pathlib, sys\n"
        "from sightline.storage import locks\n"
        "with locks.alone(pathlib.Path(sys.argv[1]), 'test'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        waiter = subprocess.Popen(
            [sys.executable, "-c", program, str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with waiter:
            assert waiter.poll() is None
            holder.kill()
            assert waiter.stdout.readline() == b"held\n"
