"""How quickly nightly operation reacts: pick-up, nothing to do, a cancel, a killed process.

Usage: python benchmarks/operation.py [--rounds 5] [--postgres]

Starts a Prefect server (SQLite, or Debian's PostgreSQL), both workers and everything of
`make deploy` in a temporary folder, on loopback, with the tests' own stack, and trains a tiny
made-up data set. The workers ask for work every 2 s here (5 s with `make worker`).
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import postgres
from examples import write_npz
from stack import Stack, free_port, is_running, stack, wait_for

LONG = 9_000


def elapsed(wait: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.monotonic()
    wait()
    return time.monotonic() - started


def pick_up(running: Stack, data: str) -> float:
    """From the request to the state Running."""
    flow_run = running.finish(running.start("train/train-manual", dataset=data, epochs=2))
    asked, began = (datetime.fromisoformat(flow_run[key]) for key in ("created", "start_time"))
    return (began - asked).total_seconds()


def unchanged(running: Stack, data: str) -> float:
    """From the start of a run to its end as Unchanged, without the wait for a worker."""
    flow_run = running.finish(running.start("train/train-manual", dataset=data, epochs=2))
    if flow_run["state"]["name"] != "Unchanged":
        raise SystemExit(f"expected a run that ends as Unchanged, got {flow_run['state']}")
    return float(flow_run["total_run_time"])


def training(running: Stack, data: str, deployment: str) -> tuple[str, list[int]]:
    """Start a long run; return it with its Keras processes once it trains."""
    flow_run = running.start(
        "train/train-manual", dataset=data, epochs=LONG, deployment=deployment, refresh=True
    )
    wait_for("training", lambda: running.training_of(flow_run))
    return flow_run, running.processes("sightline.pipeline.worker")


def cancel(running: Stack, data: str, deployment: str) -> float:
    """From the cancel to the end of the last Keras process."""
    flow_run, children = training(running, data, deployment)
    running.cancel(flow_run)
    seconds = elapsed(lambda: wait_for("end", lambda: not any(map(is_running, children))))
    running.finish(flow_run)
    return seconds


def crash(running: Stack, data: str) -> float:
    """From a kill -9 of the run's process to the state Crashed."""
    flow_run, _ = training(running, data, "")
    (process,) = running.processes("prefect.engine")
    os.kill(process, signal.SIGKILL)
    return elapsed(lambda: running.finish(flow_run))


@contextmanager
def everything(folder: Path, with_postgres: bool) -> Iterator[Stack]:
    """Serve, deploy and start the workers."""
    with ExitStack() as opened:
        database = opened.enter_context(postgres.running(free_port())) if with_postgres else None
        kept = {name: value for name, value in os.environ.items() if "PREFECT_" not in name}
        running = opened.enter_context(contextmanager(stack)(folder, kept, database))
        running.make("deploy").check_returncode()
        for pool in ("cpu", "gpu"):
            running.start_worker(pool)
        yield running


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgres", action="store_true")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        everything(Path(temporary), asked.postgres) as running,
    ):
        data = str(write_npz(Path(temporary) / "textures.npz"))
        running.finish(running.start("train/train-manual", dataset=data, epochs=2))
        measured: dict[str, Callable[[], float]] = {
            "request to Running": lambda: pick_up(running, data),
            "a run that ends as Unchanged": lambda: unchanged(running, data),
            "cancel to the end of Keras": lambda: cancel(running, data, ""),
            "cancel, training on pool gpu": lambda: cancel(running, data, "fit/fit-gpu"),
            "kill -9 to Crashed": lambda: crash(running, data),
        }
        print("seconds                            median   range")
        for name, measure in measured.items():
            times = sorted(measure() for _ in range(asked.rounds))
            middle = statistics.median(times)
            print(f"{name:<32} {middle:>8.1f}   {times[0]:.1f} to {times[-1]:.1f}", flush=True)


if __name__ == "__main__":
    main()
