"""Speed-up of a hyperparameter search with 1, 2 and 4 trials at a time, and the overhead a trial.

Usage: python benchmarks/tune_scaling.py [--trials 4] [--epochs 2] [--rounds 1] [--workers 1,2,4]
           [--deployments]

The same work each time: trials without pruning on mnist-5k with the recipe quickstart, an empty
artifacts folder for each search. By default in local processes, between which the cores are
divided; with `--deployments` as runs of trial/trial-cpu on a Prefect server on loopback, with one
worker. Times exclude the run of the best trial. The overhead is what a trial takes beside `fit`:
wall time times trials at a time, minus the time of all fits, for each trial.
"""

import json
import os
import resource
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from harness import BIN, SHALLOW, arguments, run, scratch
from rich.console import Console
from rich.table import Table

from stack import Stack

_ENTRIES = "cache/train/*/manifest.json"
SPACE = "--set=training.learning_rate=log(1e-3, 1e-2)"


class Row(NamedTuple):
    """One search; all in seconds."""

    wall: float  # Of all trials
    cpu: float  # Of all processes, also of the best trial's run; of a server's workers only later
    fit: float  # Mean time of `fit` of a trial
    overhead: float  # For each trial


def search(root: Path, given: list[str], trials: int, parallel: int) -> Row:
    """Run one search."""
    earlier = set(root.glob(_ENTRIES))
    started, before = time.monotonic(), children_cpu()
    command = [f"{BIN}/sightline", "tune", "--json", f"--artifacts={root}", f"--trials={trials}"]
    found = run([*command, f"--parallel={parallel}", *given])
    wall = time.monotonic() - started - found["run"]["total_seconds"]
    made = set(root.glob(_ENTRIES)) - earlier
    fits = [json.loads(one.read_text())["record"]["fit_seconds"] for one in made]
    overhead = (wall * parallel - sum(fits)) / trials
    return Row(wall, children_cpu() - before, statistics.mean(fits), overhead)


def children_cpu() -> float:
    """Return the CPU time of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def server(folder: Path, *, wanted: bool, at_a_time: int) -> Iterator[None]:
    """Run a server with a worker and set its address, if wanted; else a private server runs.

    The worker runs so many trials at a time.
    """
    os.environ.pop("PREFECT_API_URL", None)
    os.environ["PREFECT_HOME"] = f"{folder}/prefect"
    if not wanted:
        yield
        return
    with closing(Stack(folder / "stack", {**os.environ, "LIMIT": str(at_a_time)})) as stack:
        stack.execute(BIN / "prefect", "work-pool", "create", "cpu", "--type", "process")
        stack.execute(BIN / "prefect", "--no-prompt", "deploy", "--name", "trial-cpu")
        stack.start_worker("cpu")
        os.environ["PREFECT_API_URL"] = f"{stack.ui}/api"
        os.environ["SIGHTLINE_ARTIFACTS"] = str(stack.artifacts)
        yield


def spread(values: list[float]) -> str:
    """Write the median and the range."""
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    """Measure and print a table."""
    asked = arguments(__doc__, trials=4, epochs=2, rounds=1, workers="1,2,4", deployments=False)
    given = ["--recipe=quickstart", "--no-pruning", f"--set=training.epochs={asked.epochs}"]
    given += [SPACE, *SHALLOW, "--name"]
    counts = [int(count) for count in asked.workers.split(",")]
    rows: dict[int, list[Row]] = {count: [] for count in counts}
    with scratch() as folder, server(folder, wanted=asked.deployments, at_a_time=max(counts)):
        for number in range(asked.rounds):
            for count in counts:
                own = folder / f"{number}-{count}"
                root = Path(os.environ["SIGHTLINE_ARTIFACTS"]) if asked.deployments else own
                # On a server all searches share a root: other seeds are other trainings.
                seed = f"--set=training.seed={100 * number + count if asked.deployments else 0}"
                row = search(root, [*given, f"s{number}-{count}", seed], asked.trials, count)
                rows[count].append(row)
                print(count, row, flush=True)
    table = Table("At a time", "Wall, s", "Speed-up", "CPU, s", "Fit, s", "Overhead a trial, s")
    first = statistics.median(row.wall for row in rows[counts[0]])
    for count, found in rows.items():
        wall, cpu, fit, overhead = (list(column) for column in zip(*found, strict=True))
        ratio = f"{first / statistics.median(wall):.2f}"
        table.add_row(str(count), spread(wall), ratio, spread(cpu), spread(fit), spread(overhead))
    Console().print(table)


if __name__ == "__main__":
    main()
