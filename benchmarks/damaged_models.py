"""What happens to model files that are damaged at random: refused, loaded, or worse.

Usage: python benchmarks/damaged_models.py [--files 1000]

Writes so many damaged copies of a small model a kind, seeded, and loads each in a process of its
own with a gibibyte to spare, as tests/faults/test_models.py does with its corpus of attacks.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import load_models
from damaged_models import damage_bytes, damage_config, damage_weights
from hostile_models import honest_model

KINDS = {
    "config, 1 to 4 parts": damage_config,
    "any bytes": damage_bytes,
    "HDF5 structure, right checksum": damage_weights,
}
COLUMNS = ("refused", "loaded", "foreign error", "died")


def main() -> None:
    """Damage, load, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000, help="damaged files of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        honest = honest_model(Path(folder, "honest.keras")).read_bytes()
        print("| damaged |", " | ".join(COLUMNS), "| seconds |")
        print("| --- |", " | ".join(["---:"] * (len(COLUMNS) + 1)), "|")
        for kind, damage in KINDS.items():
            started = time.monotonic()
            path = Path(folder, "damaged.keras")
            counts: Counter[str] = Counter()
            for number in range(arguments.files):
                rng = random.Random(number)  # noqa: S311 - no secret
                path.write_bytes(damage(honest, rng))
                outcome = load_models.load_apart(folder, str(path))
                counts[column(outcome)] += 1
                if column(outcome) in COLUMNS[2:]:
                    print(f"{kind}, seed {number}: {outcome}", file=sys.stderr)
            cells = " | ".join(f"{counts[name]:,}" for name in COLUMNS)
            print(f"| {kind} | {cells} | {time.monotonic() - started:.0f} |", flush=True)


def column(outcome: dict[str, str]) -> str:
    """Name the column that an outcome counts in."""
    names = {"ModelFileError": "refused", "loaded": "loaded", "died": "died"}
    return names.get(outcome["kind"], "foreign error")


if __name__ == "__main__":
    main()
