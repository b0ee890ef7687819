"""Ingest and preprocess: their time next to the bare minimum, and their peak memory.

Usage: python benchmarks/ingest.py --data-dir DIRECTORY [--rounds 5]
       python benchmarks/ingest.py --memory

Sightline reads the four `.gz` files of MNIST and writes float32 NPY files with labels, checks
and digests. The bare side decompresses the same files, converts them to float32 and writes each
as NPY. Both sync their files, each in its own process; imports do not count. `--memory` prints
the peak memory for 70,000 and 700,000 made-up images in IDX files (2.9 GB on disk).
"""

import gzip
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness import Comparison, arguments, in_new_process, measure, print_rows, scratch, show


def ours(source: Path, root: Path, validation_fraction: float) -> tuple[float, float, float]:
    """Run both stages; return the seconds and the peak memory after each in MiB."""
    from sightline.config import DataConfig, PreprocessingConfig
    from sightline.data import ingest, locate, preprocess
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    run, settings = Run(id="ingest", workspace=Workspace(root)), DataConfig(dataset=str(source))
    started = time.monotonic()
    files = ingest.ingest(run, locate.locate(settings), settings)
    peak = peak_mib()
    splits = PreprocessingConfig(validation_fraction=validation_fraction, store="float32")
    preprocess.preprocess(run, files, splits)
    return time.monotonic() - started, peak, peak_mib()


def bare(source: Path, target: Path) -> float:
    """Decompress, convert and write; return the seconds."""
    started = time.monotonic()
    for path in source.glob("*.gz"):
        content = gzip.decompress(path.read_bytes())
        header = 4 + 4 * content[3]
        values = np.frombuffer(content, np.uint8, offset=header).astype(np.float32)
        with Path(target, path.name + ".npy").open("wb") as file:
            np.save(file, values / 255 if "images" in path.name else values)
            os.fsync(file.fileno())
    return time.monotonic() - started


def peak_mib() -> float:
    """Return the peak resident set size of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(data_dir: Path, rounds: int) -> list[Comparison]:
    """Measure both in turn."""
    row = Comparison("ingest and preprocess of 70,000 images, s", "gunzip, float32, write")

    def measure_ours(_: int) -> tuple[float]:
        with scratch() as root:
            return (in_new_process(ours, data_dir, root, 0.0)[0],)

    def measure_bare(_: int) -> tuple[float]:
        with scratch() as root:
            return (in_new_process(bare, data_dir, root),)

    return measure(rounds, [row], measure_ours, measure_bare)


def memory() -> Iterator[tuple[str, ...]]:
    """Measure the peak memory."""
    for count in (70_000, 700_000):
        with scratch() as root:
            write_idx(root / "source", count)
            seconds, ingest, both = in_new_process(ours, root / "source", root / "artifacts", 0.1)
        yield f"{count:,}", f"{ingest:.1f}", f"{both:.1f}", f"{seconds:.1f}"


def write_idx(folder: Path, count: int) -> None:
    """Write random images, six sevenths of them for training."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    for split, part in (("train", count * 6 // 7), ("t10k", count // 7)):
        with (folder / f"{split}-images-idx3-ubyte").open("wb") as file:
            file.write(np.array([0x803, part, 28, 28], ">u4").tobytes())
            for _ in range(part // 10_000):
                file.write(generator.bytes(10_000 * 28 * 28))
        header, labels = np.array([0x801, part], ">u4"), (np.arange(part) % 10).astype(np.uint8)
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(header.tobytes() + labels.tobytes())


if __name__ == "__main__":
    given = arguments(__doc__, rounds=5, memory=False)
    if given.memory:
        print_rows(("images", "ingest, MiB", "ingest and preprocess, MiB", "seconds"), memory())
    else:
        show(compare(given.data_dir, given.rounds))
