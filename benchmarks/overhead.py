"""The cost of the pipeline: Sightline and a plain Keras script in turn, and cached reruns.

Usage: python benchmarks/overhead.py --data-dir DIRECTORY [--rounds 3] [--epochs 5]

Wall times of complete processes. Each run of Sightline has an empty artifacts folder, a private
Prefect server and no in-depth evaluation. Seeds differ from round to round.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import BIN, Comparison, arguments, in_turn, measure, run, scratch, show, train

from processes import answers, free_port, wait_for

PLAIN = (sys.executable, str(Path(__file__).with_name("plain_keras.py")))


@contextmanager
def server(home: str) -> Iterator[str]:
    """Run a Prefect server on loopback and yield the address of its API."""
    port, quiet = free_port(), subprocess.DEVNULL
    command = [f"{BIN}/prefect", "server", "start", "--port", str(port)]
    environment = {**os.environ, "PREFECT_HOME": home}
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    url = f"http://127.0.0.1:{port}/api"
    try:
        wait_for("the server answers", lambda: answers(url))
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def compare(data_dir: Path, rounds: int, epochs: int) -> list[Comparison]:
    """Measure trainings and cached reruns."""
    os.environ.pop("PREFECT_API_URL", None)  # use a private server
    with scratch() as root:
        return trainings(root, data_dir, rounds, epochs) + reruns(root, data_dir, rounds, epochs)


def trainings(root: Path, data_dir: Path, rounds: int, epochs: int) -> list[Comparison]:
    """Time both in turn."""
    seconds = Comparison(f"train, complete process (epochs: {epochs}), s", "plain Keras script")
    accuracy = Comparison("its test accuracy, %", "plain Keras script", higher_is_better=True)

    def plain(seed: int) -> tuple[float, float]:
        started = time.monotonic()
        found = run([*PLAIN, f"--data-dir={data_dir}", f"--seed={seed}", f"--epochs={epochs}"])
        return time.monotonic() - started, 100 * found["test_accuracy"]

    def ours(seed: int) -> tuple[float, float]:
        started = time.monotonic()
        found = train(root, data_dir, *options(seed, epochs), artifacts=f"round-{seed}")
        return time.monotonic() - started, 100 * found["test_accuracy"]

    return measure(rounds, [seconds, accuracy], ours, plain)


def reruns(root: Path, data_dir: Path, rounds: int, epochs: int) -> list[Comparison]:
    """Time reruns in which every stage is cached."""
    running = Comparison("cached rerun, running server, s")
    private = Comparison("cached rerun, private server, s")

    def rerun(row: Comparison) -> None:
        started = time.monotonic()
        found = train(root, data_dir, *options(0, epochs), artifacts="round-0")
        row.ours.append(time.monotonic() - started)
        if not all(stage["cached"] for stage in found["stages"].values()):
            raise SystemExit(f"not a cached rerun: {found['stages']}")

    def with_server(_: int) -> None:
        os.environ["PREFECT_API_URL"] = url
        rerun(running)
        del os.environ["PREFECT_API_URL"]

    with server(f"{root}/prefect") as url:
        in_turn(max(rounds, 3), with_server, lambda _: rerun(private))
    return [running, private]


def options(seed: int, epochs: int) -> tuple[str, ...]:
    """Return the options of one training."""
    return f"--set=training.seed={seed}", f"--set=training.epochs={epochs}"


if __name__ == "__main__":
    given = arguments(__doc__, rounds=3, epochs=5)
    show(compare(given.data_dir, given.rounds, given.epochs))
