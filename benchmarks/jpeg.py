"""Ingest of a folder of JPEG files: seconds and peak memory.

Usage: python benchmarks/jpeg.py [--images 6000 60000]

Writes colour photographs of noise and gradients, 64 to 128 pixels a side, ten classes, into a
temporary folder and ingests each folder in a fresh process.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

PROGRAM = """
import resource, sys
from pathlib import Path
from sightline import datasets, ingestion
from sightline.config import DataConfig
from sightline.records import Run
settings = DataConfig(dataset=sys.argv[1])
run = Run(id="jpeg", root=Path(sys.argv[2]))
files = ingestion.ingest(run, datasets.locate(settings), settings)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, files.image_shape)
"""
CLASSES = 10
DIFFERENT = 200


def write_folder(folder: Path, count: int) -> None:
    """Write `count` files, of `DIFFERENT` different pictures."""
    generator = np.random.default_rng(0)
    encoded = []
    for _ in range(DIFFERENT):
        height, width = generator.integers(64, 129, 2)
        gradient = np.linspace(0, 200, width)[None, :, None] + np.zeros((height, 1, 3))
        pixels = gradient + generator.integers(0, 56, (height, width, 3))
        buffer = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG")
        encoded.append(buffer.getvalue())
    for number in range(count):
        place = folder / f"class {number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}.jpg").write_bytes(encoded[number % DIFFERENT])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[6_000, 60_000])
    print("files      seconds   files/s   peak MiB")
    for count in parser.parse_args().images:
        with tempfile.TemporaryDirectory() as temporary:
            write_folder(Path(temporary) / "photos", count)
            command = [sys.executable, "-c", PROGRAM, f"{temporary}/photos", f"{temporary}/out"]
            started = time.monotonic()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds = time.monotonic() - started
            peak = int(done.stdout.split()[0]) / 1024
            print(f"{count:<10,} {seconds:7.1f} {count / seconds:9.0f} {peak:10.1f}")


if __name__ == "__main__":
    main()
