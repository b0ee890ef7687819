"""The short benchmarks in one table, in less than a quarter of an hour on two cores.

Usage: python benchmarks/bench.py --data-dir DIRECTORY_OF_MNIST
"""

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import ingest
import overhead
import predict
import time_to_accuracy
from comparison import Comparison, show

from sightline.pipeline import provenance


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    parts = {
        "time to accuracy": lambda: time_to_accuracy.compare(data_dir, seeds=2),
        "overhead and reruns": lambda: overhead.compare(data_dir, rounds=2, epochs=1),
        "ingest": lambda: ingest.compare(data_dir, rounds=7),
        "prediction": lambda: predict.compare(data_dir, rounds=2),
    }
    started = time.monotonic()
    rows: list[Comparison] = []
    try:
        for name, measure in parts.items():
            print(f"Measuring {name} ({time.monotonic() - started:.0f} s so far)", file=sys.stderr)
            rows += measure()
    finally:
        report(rows)
    print(f"{time.monotonic() - started:.0f} s in all")


def report(rows: Sequence[Comparison]) -> None:
    """Print date, machine, versions and the table."""
    versions = provenance.versions("keras", "tensorflow", "prefect", "numpy")
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {provenance.cores()} cores of {platform.machine()}, {named}"
    )
    show(rows)


if __name__ == "__main__":
    main()
