import subprocess
import sys


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
