"""What happens to model files with random damage: refused, loaded, or worse.

Usage: python benchmarks/damaged_models.py [--files 1000]

Writes that many damaged copies of a small model per kind of damage, with fixed seeds, and loads
each in its own process with a gibibyte to spare, as tests/faults/test_models.py does with its
attacks.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import arguments, print_rows, scratch

import load_models
from damaged_models import damage_bytes, damage_config, damage_metadata, damage_weights
from hostile_models import honest_model

KINDS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "config, 1 to 4 parts": damage_config,
    "any bytes": damage_bytes,
    "HDF5 structure, right checksum": damage_weights,
    "metadata, 1 to 4 parts": damage_metadata,
}
COLUMNS = {"ModelFileError": "refused", "loaded": "loaded", "": "other error", "died": "died"}


def rows(folder: Path, count: int) -> Iterator[tuple[object, ...]]:
    """Damage, load and count."""
    honest = honest_model(folder / "honest.keras").read_bytes()
    path = folder / "damaged.keras"
    for kind, damage in KINDS.items():
        started, counts = time.monotonic(), Counter[str]()
        for seed in range(count):
            path.write_bytes(damage(honest, random.Random(seed)))  # noqa: S311 - no secret
            outcome = load_models.load_in_child(str(folder), str(path))
            column = COLUMNS.get(outcome["kind"], "other error")
            counts[column] += 1
            if column in ("other error", "died"):
                print(f"{kind}, seed {seed}: {outcome}", file=sys.stderr)
        cells = [counts[name] for name in COLUMNS.values()]
        yield kind, *cells, f"{time.monotonic() - started:.0f}"


if __name__ == "__main__":
    given = arguments(__doc__, files=1000)
    with scratch() as folder:
        print_rows(("damaged", *COLUMNS.values(), "seconds"), rows(folder, given.files))
