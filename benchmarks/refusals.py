"""How quickly bad input is refused, and with which message.

Usage: python benchmarks/refusals.py [--only TEXT_IN_THE_CASE'S_NAME]

Runs the tests' cases of bad input, hostile files and failing mirrors through the real command,
each in its own folder with 1.25 GiB of address space, against a mirror on loopback. Exit code 1
if a case is not refused by one line within five seconds.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import BIN, SUPPORT, arguments, print_rows, scratch

sys.path.insert(0, str(SUPPORT))

import mirror
from bad_input import CASES
from hostile_input import FEW_THREADS, HOSTILE, limit_memory

GOAL_SECONDS = 5


@dataclass(frozen=True)
class Refusal:
    """Exit code, duration and error output of one case."""

    name: str
    code: int
    seconds: float
    message: str

    @property
    def is_correct(self) -> bool:
        """Whether the case was refused in time by one line."""
        one_line = self.message.startswith("Error: ") and "\n" not in self.message
        return self.code == 2 and one_line and self.seconds <= GOAL_SECONDS


def refuse(name: str, command: list[str], folder: Path) -> Refusal:
    """Run a command and time it."""
    kept = {key: value for key, value in os.environ.items() if "PREFECT_" not in key}
    started = time.monotonic()
    done = subprocess.run(
        [f"{BIN}/sightline", *command, f"--artifacts={folder}/artifacts"],
        env=kept | FEW_THREADS | {"PREFECT_HOME": f"{folder}/prefect", "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_memory,
    )
    return Refusal(name, done.returncode, time.monotonic() - started, done.stderr.strip())


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


def main() -> None:
    """Measure and print."""
    given, found = arguments(__doc__, only=""), list[Refusal]()

    def rows() -> Iterator[tuple[object, ...]]:
        for case in refusals(given.only):
            found.append(case)
            yield case.name, case.code, f"{case.seconds:.2f}", case.message

    print_rows(("case", "code", "seconds", "message"), rows())
    slowest = max(found, key=lambda case: case.seconds)
    correct = sum(case.is_correct for case in found)
    print(f"{correct} of {len(found)} refused by one line within {GOAL_SECONDS} s")
    print(f"slowest: {slowest.name}, {slowest.seconds:.2f} s")
    sys.exit(correct < len(found))


if __name__ == "__main__":
    main()
