"""What the pipeline costs: Sightline and a plain Keras script in turn, and cached reruns.

Usage: python benchmarks/overhead.py --data-dir DIRECTORY [--rounds 3] [--skip-training]

Prints one table. The ratio compares whole-process wall times of the same training, one
after the other on the same machine; seeds differ from round to round.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """Run a command; return its wall time in seconds and its standard output."""
    started = time.monotonic()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.monotonic() - started, done.stdout


def sightline(artifacts: Path, data_dir: Path, seed: int) -> list[str]:
    """Return the command of one training."""
    return [
        str(BIN / "sightline"),
        "train",
        "--dataset=mnist",
        f"--data-dir={data_dir}",
        f"--artifacts={artifacts}",
        f"--set=training.seed={seed}",
        "--json",
    ]


@contextmanager
def server(environment: dict[str, str]) -> Iterator[str]:
    """Run a Prefect server on loopback and yield its API address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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


def spread(values: list[float]) -> str:
    """Format the median and the range."""
    return f"{statistics.median(values):7.2f}   {min(values):7.2f} to {max(values):7.2f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-training", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        environment = {**os.environ, "PREFECT_HOME": f"{temporary}/prefect"}
        environment.pop("PREFECT_API_URL", None)
        rows = [] if options.skip_training else training(options, Path(temporary), environment)
        rows += reruns(options, Path(temporary), environment)
    print("what                                          median   range")
    for name, values in rows:
        print(f"{name:<44}{spread(values)}")


def training(
    options: argparse.Namespace, temporary: Path, environment: dict[str, str]
) -> list[tuple[str, list[float]]]:
    """Time both in turn; each Sightline run has an empty artifacts root."""
    plain, ours, accuracies = [], [], []
    for seed in range(options.rounds):
        script = [sys.executable, str(HERE / "plain_keras.py"), str(options.data_dir), str(seed)]
        commands = [(plain, script)]
        commands.append((ours, sightline(temporary / f"round-{seed}", options.data_dir, seed)))
        for times, command in commands if seed % 2 == 0 else commands[::-1]:
            seconds, output = timed(command, environment)
            times.append(seconds)
            print(f"seed {seed}: {seconds:.1f} s  {output.strip()[:300]}", file=sys.stderr)
            if times is ours:
                accuracies.append(json.loads(output)["test_accuracy"])
    return [
        ("plain Keras script, s", plain),
        ("sightline train, private server, s", ours),
        ("ratio of wall times", [b / a for a, b in zip(plain, ours, strict=True)]),
        ("test accuracy, %", [100 * accuracy for accuracy in accuracies]),
        ("mean test accuracy, %", [100 * statistics.mean(accuracies)]),
    ]


def reruns(
    options: argparse.Namespace, temporary: Path, environment: dict[str, str]
) -> list[tuple[str, list[float]]]:
    """Time reruns in which every stage is cached."""
    command = sightline(temporary / "round-0", options.data_dir, 0)
    if options.skip_training:
        command.append("--set=training.epochs=1")
    timed(command, environment)
    private, running = [], []
    with server(environment) as url:
        for _ in range(max(options.rounds, 3)):
            for times, address in ((running, {"PREFECT_API_URL": url}), (private, {})):
                seconds, output = timed(command, {**environment, **address})
                stages = json.loads(output)["stages"]
                if not all(stage["cached"] for stage in stages.values()):
                    raise SystemExit(f"not a cached rerun: {stages}")
                times.append(seconds)
    return [
        ("cached rerun, running server, s", running),
        ("cached rerun, private server, s", private),
    ]


if __name__ == "__main__":
    main()
