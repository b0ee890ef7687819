"""How quickly bad input is refused, and with which message.

Usage: python benchmarks/refusals.py [--only TEXT_IN_THE_CASE'S_NAME]

Runs the tests' cases of bad input, hostile files and failing mirrors through the real command,
each in its own folder with 1.25 GiB of address space, against a mirror on loopback. Exit code 1
if a case is not refused by one line within five seconds; what the recipe `auto` chose may be said
before.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness import BIN, arguments, print_rows, scratch

import mirror
from bad_input import CASES
from command import execute
from hostile_input import FEW_THREADS, HOSTILE, limit_memory

GOAL_SECONDS = 5


class Refusal(NamedTuple):
    """Exit code, duration and error output of one case."""

    name: str
    code: int
    seconds: float
    message: str

    @property
    def is_correct(self) -> bool:
        """Whether the case was refused in time by one line."""
        lines = [line for line in self.message.splitlines() if "(recipe fast)" not in line]
        one_line = len(lines) == 1 and lines[0].startswith("Error: ")
        return self.code == 2 and one_line and self.seconds <= GOAL_SECONDS


def refuse(name: str, command: list[str], folder: Path) -> Refusal:
    """Run a command and time it."""
    kept = {key: value for key, value in os.environ.items() if "PREFECT_" not in key}
    own = {"PREFECT_HOME": f"{folder}/prefect", "NO_PROXY": "127.0.0.1"}
    line = [BIN / "sightline", *command, f"--artifacts={folder}/artifacts"]
    started = time.monotonic()
    done = execute(*line, env=kept | FEW_THREADS | own, preexec_fn=limit_memory)
    seconds = round(time.monotonic() - started, 2)
    return Refusal(name, done.returncode, seconds, done.stderr.strip())


def refusals(only: str) -> Iterator[Refusal]:
    """Run all cases whose name contains a text."""
    with mirror.serving() as server:
        for case in CASES + HOSTILE:
            if only in case.name:
                with scratch() as folder:
                    yield refuse(case.name, case.arguments(folder / "given"), folder)
        for name, (fault, _, _) in mirror.LASTING.items():
            if only in name:
                server.faults[mirror.MNIST_FIRST] = [fault] * 20
                command = ["train", "--dataset=mnist", f"--mirror={server.address}"]
                with scratch() as folder:
                    yield refuse(name, command, folder)


if __name__ == "__main__":
    found = list(refusals(arguments(__doc__, only="").only))
    print_rows(("case", "code", "seconds", "message"), found)
    slowest = max(found, key=lambda case: case.seconds)
    correct = sum(case.is_correct for case in found)
    print(f"{correct} of {len(found)} refused by one line within {GOAL_SECONDS} s")
    print(f"slowest: {slowest.name}, {slowest.seconds:.2f} s")
    sys.exit(correct < len(found))
