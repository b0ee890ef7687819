"""The short benchmarks in one table, in a quarter of an hour on two cores.

Usage: python benchmarks/bench.py --data-dir DIRECTORY_OF_MNIST [--photos FOLDER] [--quick]

FOLDER has a folder of JPEG files per class; without it, photographs are not measured. `--quick`
measures one round of everything but the time to accuracy, to see that it works.
"""

import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import harness
import ingest
import overhead
import photo_ingest
import predict
import time_to_accuracy

from sightline.pipeline import provenance

if __name__ == "__main__":
    given = harness.arguments(__doc__, photos="", quick=False)
    data_dir, photos = given.data_dir, Path(given.photos)
    few, many = (1, 1) if given.quick else (2, 7)
    parts = {
        "overhead and reruns": lambda: overhead.compare(data_dir, rounds=few, epochs=1),
        "ingest": lambda: ingest.compare(data_dir, rounds=many),
        "prediction": lambda: predict.compare(data_dir, rounds=few),
    }
    if given.photos:
        parts["ingest of photographs"] = lambda: photo_ingest.compare(photos, rounds=few)
        parts["prediction of photographs"] = lambda: predict.compare_photographs(photos, few)
    if not given.quick:
        parts["time to accuracy"] = lambda: time_to_accuracy.compare(data_dir, seeds=1)
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
