"""Ingest and preprocess of MNIST beside the least that anybody must do: gunzip and write.

Usage: python benchmarks/ingest.py --data-dir DIRECTORY [--rounds 5]

Ours is what the two stages do, from the four `.gz` files to float32 NPY with labels, checks and
digests. The bare side decompresses the same files, turns them to float32 and writes each as NPY,
once. Both write to the same disk and wait until it has all bytes. Each in a process of its own;
the imports do not count.
"""

import sys
import tempfile
from pathlib import Path

from comparison import Comparison, answer, in_turn, main

OURS = """
import json, sys, time
from pathlib import Path
from sightline import datasets, ingestion, preprocessing
from sightline.config import DataConfig, PreprocessingConfig
from sightline.records import Run
run = Run(id="ingest", root=Path(sys.argv[2]))
settings = DataConfig(dataset=sys.argv[1])
started = time.monotonic()
files = ingestion.ingest(run, datasets.locate(settings), settings)
preprocessing.preprocess(run, files, PreprocessingConfig())
print(json.dumps({"seconds": time.monotonic() - started}))
"""

BARE = """
import gzip, json, os, sys, time
from pathlib import Path
import numpy as np
started = time.monotonic()
for path in Path(sys.argv[1]).glob("*.gz"):
    content = gzip.decompress(path.read_bytes())
    header = 4 + 4 * content[3]
    values = np.frombuffer(content, np.uint8, offset=header).astype(np.float32)
    with Path(sys.argv[2], path.name + ".npy").open("wb") as file:
        np.save(file, values / 255 if "images" in path.name else values)
        os.fsync(file.fileno())
print(json.dumps({"seconds": time.monotonic() - started}))
"""


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure both in turn."""
    seconds = Comparison("ingest and preprocess of 70,000 images, s", "gunzip, float32, write")

    def measure(program: str, times: list[float]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = answer([sys.executable, "-c", program, str(data_dir), folder])
        times.append(found["seconds"])

    in_turn(
        rounds,
        lambda _: measure(OURS, seconds.ours),
        lambda _: measure(BARE, seconds.theirs),
    )
    return [seconds]


if __name__ == "__main__":
    main(__doc__, compare, rounds=5)
