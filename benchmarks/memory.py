"""Peak memory of ingest and preprocess with 70,000 and with 700,000 images.

Usage: python benchmarks/memory.py [--images 70000 700000]

Writes made-up MNIST-like IDX files into a temporary folder (0.6 GB of images, 2.3 GB of
arrays for 700,000) and runs both stages in a fresh process each, whose largest resident
set is printed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PROGRAM = """
import resource, sys
from pathlib import Path
from sightline import datasets, ingestion, preprocessing
from sightline.config import DataConfig, PreprocessingConfig
from sightline.records import Run
run = Run(id="memory", root=Path(sys.argv[2]))
settings = DataConfig(dataset=sys.argv[1])
files = ingestion.ingest(run, datasets.locate(settings), settings)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
preprocessing.preprocess(run, files, PreprocessingConfig(validation_fraction=0.1))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_idx(folder: Path, count: int) -> None:
    """Write `count` random images, six sevenths of them for training."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    for split, part in (("train", count * 6 // 7), ("t10k", count - count * 6 // 7)):
        with (folder / f"{split}-images-idx3-ubyte").open("wb") as file:
            file.write(np.array([0x803, part, 28, 28], ">u4").tobytes())
            for start in range(0, part, 10_000):
                block = min(10_000, part - start)
                file.write(generator.integers(0, 256, (block, 784), np.uint8).tobytes())
        with (folder / f"{split}-labels-idx1-ubyte").open("wb") as file:
            file.write(np.array([0x801, part], ">u4").tobytes())
            file.write((np.arange(part) % 10).astype(np.uint8).tobytes())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[70_000, 700_000])
    print("images     ingest MiB   ingest and preprocess MiB   seconds")
    peaks = []
    for count in parser.parse_args().images:
        with tempfile.TemporaryDirectory() as temporary:
            source = Path(temporary) / "source"
            write_idx(source, count)
            started = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, str(source), f"{temporary}/artifacts"],
                check=True,
                capture_output=True,
                text=True,
            )
            ingest, both = (int(line) / 1024 for line in done.stdout.split())
            peaks.append(both)
            print(f"{count:<10} {ingest:10.1f} {both:27.1f} {time.monotonic() - started:9.1f}")
    print(f"last against first: {peaks[-1] / peaks[0] - 1:+.1%}")


if __name__ == "__main__":
    main()
