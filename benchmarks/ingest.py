"""Ingest and preprocess of MNIST beside the least that anybody must do: gunzip and write.

Usage: python benchmarks/ingest.py --data-dir DIRECTORY [--rounds 5]

Ours is what the two stages do, from the four `.gz` files to float32 NPY with labels, checks and
digests, without and with the data gate's look at the images. The bare side decompresses the same
files, turns them to float32 and writes each as NPY, once. Both write to the same disk and wait
until it has all bytes. Each in a process of its own; the imports do not count.
"""

import sys
import tempfile
from pathlib import Path

from comparison import Comparison, answer, in_turn, main

OURS = """
import json, sys, time
from pathlib import Path
from sightline import datasets, ingestion, inspection, preprocessing
from sightline.config import DataConfig, PreprocessingConfig
from sightline.records import Run
look, looked = inspection.inspect, []
def timed(*given):
    started = time.monotonic()
    found = look(*given)
    looked.append(time.monotonic() - started)
    return found
inspection.inspect = timed
run = Run(id="ingest", root=Path(sys.argv[2]))
settings = DataConfig(dataset=sys.argv[1])
started = time.monotonic()
files = ingestion.ingest(run, datasets.locate(settings), settings)
preprocessing.preprocess(run, files, PreprocessingConfig())
whole = time.monotonic() - started
print(json.dumps({"seconds": whole - sum(looked), "with the look": whole}))
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
    what = "ingest and preprocess of 70,000 images"
    plain = Comparison(f"{what}, s", "gunzip, float32, write")
    looking = Comparison(f"{what}, with the data gate's look at them, s", "gunzip, float32, write")

    def measure(program: str) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            return answer([sys.executable, "-c", program, str(data_dir), folder])

    def ours(_: int) -> None:
        found = measure(OURS)
        plain.ours.append(found["seconds"])
        looking.ours.append(found["with the look"])

    def bare(_: int) -> None:
        seconds = measure(BARE)["seconds"]
        plain.theirs.append(seconds)
        looking.theirs.append(seconds)

    in_turn(rounds, ours, bare)
    return [plain, looking]


if __name__ == "__main__":
    main(__doc__, compare, rounds=5)
