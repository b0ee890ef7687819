"""Every file operation of every step killed, or failing, one after the other.

Usage: python benchmarks/kills.py [--do kill|full|broken|read-only|all] [--steps train publish]

A step is run on a copy of a small, complete artifacts root from which its own result is missing.
`kill` kills the process (`kill -9`) at its Nth file operation, in the middle of a write, N from 1
to the last; the others let the operation fail once: ENOSPC, EIO, EROFS. After each trial all that
can be seen has to be whole and what was there as it was; the same step is then run again and
has to give the bytes of an undisturbed run, without making again what was finished.
"""

import argparse
import errno
import fcntl
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import faultpoint_root as roots
from faultpoint import Stages
from faultpoint_root import Pipeline
from faultpoint_sweep import Point, Sweep

ERRNOS = {"full": errno.ENOSPC, "broken": errno.EIO, "read-only": errno.EROFS}

HOLDER = """
import pathlib, sys
from sightline.storage import locks
with locks.alone(pathlib.Path(sys.argv[1]), "benchmark"):
    print("held", flush=True)
    sys.stdin.read()
"""


def trial(swept: Sweep, point: Point, what: str) -> str:
    """Make one trial; say how it ended."""
    try:
        if what == "kill":
            swept.kill(point)
            return "recovered"
        outcome = swept.fail(point, "once", ERRNOS[what])
    except AssertionError as error:
        print(f"FAILED {swept.step} {what} at {point}: {str(error)[:2000]}", file=sys.stderr)
        return "FAILED"
    if outcome.error is None:
        return "went on"
    if outcome.exit_code != 2:
        print(f"UNCLEAR {swept.step} {what} at {point}: {outcome.error}", file=sys.stderr)
        return "UNCLEAR"
    return "refused"


def sweep(pipeline: Pipeline, whole: Path, step: str, what: str) -> None:
    """Disturb every operation of a step and print a line."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        swept = Sweep(pipeline, whole, step, Path(scratch), {})
        ends = Counter(trial(swept, point, what) for point in swept.points)
    counts = [ends[end] for end in ("recovered", "refused", "went on", "UNCLEAR", "FAILED")]
    row = [f"{count:>9}" for count in (len(swept.points), *counts, swept.kept, swept.remade)]
    print(f"{step:<11}{what:<10}{''.join(row)}{time.monotonic() - started:>8.0f}", flush=True)


def waiting_after_a_kill(scratch: Path) -> float:
    """Return the seconds from the kill of a lock's holder to the moment another has the lock."""
    lock = scratch / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        next(iter(holder.stdout or []))
        with lock.open("rb") as file:
            holder.kill()
            started = time.monotonic()
            fcntl.flock(file, fcntl.LOCK_EX)
            return time.monotonic() - started


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--do", choices=["kill", *ERRNOS, "all"], default="kill")
    parser.add_argument("--steps", nargs="*", default=roots.STEPS, choices=roots.STEPS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        waits = [waiting_after_a_kill(scratch) for _ in range(20)]
        (scratch / "trials").mkdir()
        with Stages(scratch / "trials") as stages:
            pipeline, whole = roots.complete(stages, scratch)
            names = ("points", "recovered", "refused", "went on", "UNCLEAR", "FAILED")
            head = [f"{name:>9}" for name in (*names, "finished", "again")]
            print(f"{'step':<11}{'fault':<10}{''.join(head)}{'seconds':>8}")
            for what in ["kill", *ERRNOS] if asked.do == "all" else [asked.do]:
                for step in asked.steps:
                    sweep(pipeline, whole, step, what)
    middle, longest = statistics.median(waits) * 1000, max(waits) * 1000
    print(f"lock of a killed holder: free after {middle:.1f} ms, at most {longest:.1f} ms")


if __name__ == "__main__":
    main()
