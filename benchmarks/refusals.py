"""How quickly bad input is refused, and what the user is told: every case of the fault matrix.

Usage: python benchmarks/refusals.py [--only row-59]

Runs the cases of bad input, hostile files and a failing mirror through the real command line, each
in a folder of its own and with 1.25 GiB of address space, against a mirror on loopback.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import mirror
from bad_input import CASES
from hostile_input import FEW_THREADS, HOSTILE, limit_memory

GOAL_SECONDS = 5


@dataclass(frozen=True)
class Refusal:
    """One case: what the command ended with, after how many seconds, and what it wrote."""

    name: str
    code: int
    seconds: float
    message: str

    @property
    def line(self) -> str:
        """One row of the table."""
        return f"{self.name:<42} {self.code:>4} {self.seconds:>8.2f}   {self.message}"

    @property
    def right(self) -> bool:
        """Whether it was refused as it should be."""
        one_line = self.message.startswith("Error: ") and "\n" not in self.message
        return self.code == 2 and one_line and self.seconds <= GOAL_SECONDS


def refuse(name: str, arguments: list[str], folder: Path) -> Refusal:
    """Run a command and time it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "SIGHTLINE_"))
    } | FEW_THREADS
    started = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "sightline"), *arguments, f"--artifacts={folder}/made"],
        env={**kept, "PREFECT_HOME": str(folder / "prefect"), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_memory,
    )
    return Refusal(name, done.returncode, time.monotonic() - started, done.stderr.strip())


@contextmanager
def commands(only: str) -> Iterator[Iterator[Refusal]]:
    """Go through all cases whose name holds a text."""
    with mirror.serving() as server, tempfile.TemporaryDirectory() as temporary:

        def each() -> Iterator[Refusal]:
            for case in CASES + HOSTILE:
                if only in case.name:
                    with tempfile.TemporaryDirectory(dir=temporary) as folder:
                        given = case.arguments(Path(folder) / "given")
                        yield refuse(case.name, given, Path(folder))
            for name, (fault, _, _) in mirror.LASTING.items():
                if only in name:
                    server.faults[mirror.MNIST_FIRST] = [fault] * 20
                    given = ["train", "--dataset=mnist", f"--mirror={server.address}"]
                    with tempfile.TemporaryDirectory(dir=temporary) as folder:
                        yield refuse(name, given, Path(folder))

        yield each()


def main() -> None:
    """Measure and print; end with 1 if a case was not refused in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    asked = parser.parse_args()
    print(f"{'case':<42} {'code':>4} {'seconds':>8}   message")
    found = []
    with commands(asked.only) as refusals:
        for refusal in refusals:
            print(refusal.line, flush=True)
            found.append(refusal)
    slowest = max(found, key=lambda refusal: refusal.seconds)
    right = sum(refusal.right for refusal in found)
    print(f"{right} of {len(found)} refused by one line within {GOAL_SECONDS} s")
    print(f"slowest: {slowest.name}, {slowest.seconds:.2f} s")
    sys.exit(right < len(found))


if __name__ == "__main__":
    main()
