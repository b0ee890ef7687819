"""The short benchmarks in one table, in less than a quarter of an hour on two cores.

Usage: python benchmarks/bench.py --data-dir DIRECTORY_OF_MNIST
"""

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path

import ingest
import overhead
import predict
import throughput
import time_to_accuracy
from comparison import show

from sightline import provenance


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    rows = [
        *time_to_accuracy.compare(data_dir, seeds=2),
        *throughput.compare(data_dir, rounds=3),
        *overhead.compare(data_dir, rounds=2, epochs=1),
        *ingest.compare(data_dir, rounds=7),
        *predict.compare(data_dir, rounds=3),
    ]
    versions = provenance.versions("keras", "tensorflow", "prefect", "numpy")
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {provenance.cores()} cores of {platform.machine()}, {named}"
    )
    show(rows)


if __name__ == "__main__":
    main()
