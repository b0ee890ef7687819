"""The short benchmarks in one table, in a quarter of an hour on two cores.

Usage: python benchmarks/bench.py --data-dir DIRECTORY_OF_MNIST
"""

import platform
import sys
import time
from datetime import UTC, datetime

import harness
import ingest
import overhead
import predict
import time_to_accuracy

from sightline.pipeline import provenance

if __name__ == "__main__":
    data_dir = harness.arguments(__doc__).data_dir
    parts = {
        "time to accuracy": lambda: time_to_accuracy.compare(data_dir, seeds=2),
        "overhead and reruns": lambda: overhead.compare(data_dir, rounds=2, epochs=1),
        "ingest": lambda: ingest.compare(data_dir, rounds=7),
        "prediction": lambda: predict.compare(data_dir, rounds=2),
    }
    started = time.monotonic()
    rows: list[harness.Comparison] = []
    for name, measure in parts.items():
        print(f"Measuring {name} ({time.monotonic() - started:.0f} s so far)", file=sys.stderr)
        rows += measure()
    found = provenance.versions("keras", "tensorflow", "prefect", "numpy")
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    print(f"{datetime.now(UTC):%Y-%m-%d}, {provenance.cores()} cores of {platform.machine()}")
    print(versions)
    harness.show(rows)
    print(f"{time.monotonic() - started:.0f} s in all")
