"""What the data gate costs in ingest: 70,000 images of MNIST, and 700,000 made from them.

Usage: python benchmarks/inspection.py --data-dir DIRECTORY

The larger set has every image of MNIST ten times, each time shifted, brightened and with noise of
its own. Each set is ingested in a process of its own; seconds are those of its one core, so that
other work on the machine hardly counts.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PROGRAM = r"""
import json, re, sys, time
from pathlib import Path
from sightline import datasets, duplicates, exposure, findings, ingestion, inspection, lookalikes
from sightline.config import DataConfig
from sightline.profiling import Profiler
from sightline.records import Run
seconds = {}
def timed(name, owner, attribute):
    function = getattr(owner, attribute)
    def measured(*arguments):
        started = time.process_time()
        try:
            return function(*arguments)
        finally:
            seconds[name] = seconds.get(name, 0) + time.process_time() - started
    setattr(owner, attribute, measured)
timed("profile", Profiler, "add")
timed("blank and saturated", exposure, "blank")
timed("blank and saturated", exposure, "saturated")
timed("perceptual hash", inspection, "fingerprints")
timed("equal images", inspection, "EqualImages")
timed("alike images", lookalikes, "find")
timed("table", findings, "write")
timed("inspection in all", inspection, "inspect")
run = Run(id="inspection", root=Path(sys.argv[2]))
settings = DataConfig(dataset=sys.argv[1])
started = time.process_time()
files = ingestion.ingest(run, datasets.locate(settings), settings)
seconds["ingest in all"] = time.process_time() - started
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # ru_maxrss knows the parent's, too
found = {kind: sum(counts.values()) for kind, counts in files.inspection.affected.items()}
print(json.dumps({"seconds": seconds, "peak": peak, "found": found}))
"""

VERSIONS = 10
HEADER = {"images-idx3-ubyte": 16, "labels-idx1-ubyte": 8}


def read(data_dir: Path, split: str, part: str) -> np.ndarray:
    """Read one file of MNIST without its header."""
    content = gzip.decompress((data_dir / f"{split}-{part}.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=HEADER[part])


def changed(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Shift all images, and give each a brightness and noise."""
    shifted = np.roll(images, generator.integers(-4, 5, 2), axis=(1, 2))
    gain = generator.uniform(0.6, 1, (len(images), 1, 1)).astype(np.float32)
    return (gain * shifted + generator.integers(0, 9, images.shape, np.uint8)).astype(np.uint8)


def write(data_dir: Path, folder: Path, versions: int) -> int:
    """Write MNIST as it is, or so many versions of it; return the number of images."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    total = 0
    for split in ("train", "t10k"):
        images = read(data_dir, split, "images-idx3-ubyte").reshape(-1, 28, 28)
        labels = read(data_dir, split, "labels-idx1-ubyte")
        count = versions * len(images)
        with (folder / f"{split}-images-idx3-ubyte").open("wb") as file:
            file.write(np.array([0x803, count, 28, 28], ">u4").tobytes())
            for _ in range(versions):
                written = images if versions == 1 else changed(images, generator)
                file.write(written.tobytes())
        with (folder / f"{split}-labels-idx1-ubyte").open("wb") as file:
            file.write(np.array([0x801, count], ">u4").tobytes() + versions * labels.tobytes())
        total += count
    return total


def measure(data_dir: Path, versions: int) -> dict[str, str]:
    """Ingest one set; return the lines of its column."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        total = write(data_dir, source, versions)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(source), f"{temporary}/artifacts"],
            check=True,
            capture_output=True,
            text=True,
        )
    found = json.loads(done.stdout)
    return {
        "images": f"{total:,}",
        **{f"{name}, s": f"{value:.2f}" for name, value in found["seconds"].items()},
        "largest resident set, MiB": f"{found['peak']:.0f}",
        **{f"found: {kind}": f"{count:,}" for kind, count in found["found"].items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    columns = [measure(data_dir, versions) for versions in (1, VERSIONS)]
    print("| what | MNIST | ten versions of it |\n| --- | ---: | ---: |")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(column[name] for column in columns)} |")


if __name__ == "__main__":
    main()
