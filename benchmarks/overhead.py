"""What the pipeline costs: Sightline and a plain Keras script in turn, and cached reruns.

Usage: python benchmarks/overhead.py --data-dir DIRECTORY [--rounds 3] [--epochs 5]

Whole-process wall times of the same training, one after the other on the same machine, each of ours
with an empty artifacts root and a private Prefect server; seeds differ from round to round. The
evaluation in depth, which the script does not have, is left out.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from comparison import SHALLOW, Comparison, answer, in_turn, show

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent


def timed(command: list[str], **variables: str) -> tuple[float, dict[str, Any]]:
    """Run a command that prints JSON; return its wall time in seconds and what it printed."""
    started = time.monotonic()
    found = answer(command, **variables)
    return time.monotonic() - started, found


def sightline(artifacts: Path, data_dir: Path, seed: int, epochs: int) -> list[str]:
    """Return the command of one training."""
    return [
        f"{BIN}/sightline",
        "train",
        "--dataset=mnist",
        f"--data-dir={data_dir}",
        f"--artifacts={artifacts}",
        f"--set=training.seed={seed}",
        f"--set=training.epochs={epochs}",
        *SHALLOW,
        "--json",
    ]


@contextmanager
def server(home: str) -> Iterator[str]:
    """Run a Prefect server on loopback and yield its API address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PREFECT_HOME": home},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/api"
    try:
        for _ in range(1200):
            try:
                httpx.get(f"{url}/health", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def compare(data_dir: Path, rounds: int, epochs: int) -> list[Comparison]:
    """Measure trainings and reruns."""
    os.environ.pop("PREFECT_API_URL", None)  # a private server, whatever the user has
    with tempfile.TemporaryDirectory() as folder:
        trainings = training(Path(folder), data_dir, rounds, epochs)
        return trainings + reruns(Path(folder), data_dir, rounds, epochs)


def training(root: Path, data_dir: Path, rounds: int, epochs: int) -> list[Comparison]:
    """Time both in turn; each Sightline run has an empty artifacts root."""
    seconds = Comparison(f"train, whole process (epochs: {epochs}), s", "plain Keras script")
    accuracy = Comparison("its test accuracy, %", "plain Keras script", more_is_better=True)
    home = {"PREFECT_HOME": f"{root}/prefect"}

    def plain(seed: int) -> None:
        settings = [str(data_dir), f"--seed={seed}", f"--epochs={epochs}"]
        found = timed([sys.executable, f"{HERE}/plain_keras.py", *settings])
        seconds.theirs.append(found[0])
        accuracy.theirs.append(100 * found[1]["test_accuracy"])

    def ours(seed: int) -> None:
        found = timed(sightline(root / f"round-{seed}", data_dir, seed, epochs), **home)
        seconds.ours.append(found[0])
        accuracy.ours.append(100 * found[1]["test_accuracy"])

    in_turn(rounds, plain, ours)
    return [seconds, accuracy]


def reruns(root: Path, data_dir: Path, rounds: int, epochs: int) -> list[Comparison]:
    """Time reruns in which every stage is cached."""
    home = f"{root}/prefect"
    running = Comparison("cached rerun, running server, s")
    private = Comparison("cached rerun, private server, s")
    command = sightline(root / "round-0", data_dir, 0, epochs)

    def rerun(row: Comparison, **address: str) -> None:
        seconds, found = timed(command, PREFECT_HOME=home, **address)
        if not all(stage["cached"] for stage in found["stages"].values()):
            raise SystemExit(f"not a cached rerun: {found['stages']}")
        row.ours.append(seconds)

    with server(home) as url:
        in_turn(
            max(rounds, 3),
            lambda _: rerun(running, PREFECT_API_URL=url),
            lambda _: rerun(private),
        )
    return [running, private]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    asked = parser.parse_args()
    show(compare(asked.data_dir, asked.rounds, asked.epochs))


if __name__ == "__main__":
    main()
