"""Run `sightline` commands one by one, each in a forked process with limited memory.

Usage: python limited_commands.py < COMMANDS: a JSON list of lists of arguments. Prints a JSON list
of exit code, standard output and standard error of each. Forked, so that the command is imported
only once.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile

from command import Completed, execute, refusing
from sightline.flows.cli.main import main

_MEMORY_BYTES = 5 << 28  # 1.25 GiB; every bomb decompresses to more
_FEW_THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
"""Environment that limits the address space on machines with many cores."""


def run_all(commands: list[list[str]], environment: dict[str, str]) -> list[Completed]:
    """Run the commands, which are refused, in this order."""
    done = execute(
        sys.executable, __file__, env=environment | _FEW_THREADS, input=json.dumps(commands)
    )
    assert done.returncode == 0, done.stderr
    return [subprocess.CompletedProcess([], *result) for result in json.loads(done.stdout)]


def run(arguments: list[str]) -> tuple[int, str, str]:
    """Run a command in a child."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
            sys.argv = ["sightline", *arguments]
            with refusing():
                sys.exit(main())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        written = [file.seek(0) or file.read() for file in (out, err)]
    return code, written[0], written[1]


if __name__ == "__main__":
    sys.stdout.write(json.dumps([run(arguments) for arguments in json.load(sys.stdin)]))
