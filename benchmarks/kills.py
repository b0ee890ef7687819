"""Every file operation of every stage is killed, or fails, one after the other.

Usage: python benchmarks/kills.py [--do kill|full|broken|read-only|all] [--steps train,publish]

Each trial runs a stage on a copy of a small, complete artifacts folder that lacks only its
result. `kill` kills the process (`kill -9`) at its Nth file operation, for every N; the other
faults let the operation fail once with ENOSPC, EIO or EROFS. After each trial all visible files
must be complete and older ones unchanged; a rerun must produce the bytes of an undisturbed run,
and recompute nothing that was finished.
"""

import errno
import fcntl
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harness import arguments, print_rows, scratch

import faultpoint_root as roots
from faultpoint import Stages
from faultpoint_root import Pipeline
from faultpoint_sweep import Point, Sweep

ERRNOS = {"full": errno.ENOSPC, "broken": errno.EIO, "read-only": errno.EROFS}
ENDS = ("recovered", "refused", "continued", "UNCLEAR", "FAILED")
HOLDER = """
import pathlib, sys
from sightline.storage import locks
with locks.alone(pathlib.Path(sys.argv[1]), "benchmark"):
    print("held", flush=True)
    sys.stdin.read()
"""


def trial(sweep: Sweep, point: Point, fault: str) -> str:
    """Run one trial and return how it ended."""
    try:
        if fault == "kill":
            sweep.kill(point)
            return "recovered"
        outcome = sweep.fail(point, "once", ERRNOS[fault])
    except AssertionError as error:
        end, reason = "FAILED", str(error)[:2000]
    else:
        if outcome.error is None:
            return "continued"
        if outcome.exit_code == 2:
            return "refused"
        end, reason = "UNCLEAR", str(outcome.error)
    print(f"{end} {sweep.step} {fault} at {point}: {reason}", file=sys.stderr)
    return end


def rows(
    pipeline: Pipeline, original: Path, faults: list[str], steps: list[str]
) -> Iterator[tuple[object, ...]]:
    """Disturb every operation of every step."""
    for fault in faults:
        for step in steps:
            started = time.monotonic()
            with scratch() as folder:
                sweep = Sweep(pipeline, original, step, folder)
                ends = Counter(trial(sweep, point, fault) for point in sweep.points)
            counts = [ends[end] for end in ENDS]
            seconds = f"{time.monotonic() - started:.0f}"
            yield step, fault, len(sweep.points), *counts, sweep.kept, sweep.remade, seconds


def lock_wait_after_a_kill(lock: Path) -> float:
    """Return the seconds from the kill of a lock's holder until another process has the lock."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        next(iter(holder.stdout or []))
        with lock.open("rb") as file:
            holder.kill()
            started = time.monotonic()
            fcntl.flock(file, fcntl.LOCK_EX)
            return time.monotonic() - started


if __name__ == "__main__":
    given = arguments(__doc__, do="kill", steps=",".join(roots.STEPS))
    faults = ["kill", *ERRNOS] if given.do == "all" else [given.do]
    head = ("step", "fault", "operations", *ENDS, "reused", "recomputed", "seconds")
    with scratch() as folder:
        waits = [1000 * lock_wait_after_a_kill(folder / "lock") for _ in range(20)]
        (folder / "trials").mkdir()
        with Stages(folder / "trials") as stages:
            pipeline, original = roots.run_all(stages, folder)
            print_rows(head, rows(pipeline, original, faults, given.steps.split(",")))
    print(f"lock wait after a kill: {statistics.median(waits):.1f} ms, at most {max(waits):.1f} ms")
