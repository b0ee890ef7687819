"""Where the wall time of `sightline train --recipe fast` goes, from a cold and a warm cache.

Usage: python benchmarks/startup.py --data-dir DIRECTORY [--rounds 3]

Whole processes with a private Prefect server. "New home" makes Prefect's database as well; what is
no stage is the start of Python and of Prefect, the wait for the server, the run folder, the end.
"""

import sys
import tempfile
import time
from pathlib import Path

from comparison import Comparison, answer, main

BIN = Path(sys.executable).parent
KINDS = {
    "new home, cold cache": "first",
    "cold cache": "second",
    "all cached": "second",
}
"""Kinds of run, one after the other, and the artifacts root that each has."""


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure all kinds, some rounds, each round with a Prefect home of its own."""
    rows: dict[str, Comparison] = {}

    def note(what: str, seconds: float) -> None:
        rows.setdefault(what, Comparison(f"{what}, s")).ours.append(seconds)

    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for kind, artifacts in KINDS.items():
                root = f"{folder}/{number}"
                seconds, stages = run(data_dir, f"{root}/{artifacts}", f"{root}/prefect")
                note(f"{kind}: whole process", seconds)
                for name, stage in stages.items():
                    note(f"{kind}: {name}", stage)
                note(f"{kind}: no stage", seconds - sum(stages.values()))
    return list(rows.values())


def run(data_dir: Path, artifacts: str, home: str) -> tuple[float, dict[str, float]]:
    """Time a run; return the seconds of the whole process and of each stage."""
    command = [f"{BIN}/sightline", "train", "--recipe=fast", "--json"]
    started = time.monotonic()
    found = answer(
        [*command, f"--data-dir={data_dir}", f"--artifacts={artifacts}"], PREFECT_HOME=home
    )
    seconds = time.monotonic() - started
    return seconds, {name: stage["seconds"] for name, stage in found["stages"].items()}


if __name__ == "__main__":
    main(__doc__, compare, rounds=3)
