"""Ingest of 2,000 photographs from an S3 server on loopback, next to the same files on disk.

Usage: python benchmarks/remote_data.py [--images 2000] [--rounds 3] [--delay 0]

The JPEGs have 256x256 pixels and about 15 KB; each format holds them all. The server (moto's) runs in
this process and waits `--delay` seconds before each answer; ingest runs in a process of its own.
CPU seconds are those of ingest alone. The arrays must be equal.
"""

import io
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness import arguments, in_new_process, print_rows, scratch

EXAMPLES_A_FORMAT = ("class folders", "WebDataset", "TFRecord", "Parquet")


def photographs(count: int) -> Iterator[bytes]:
    """Encode images of noise on a slope, which differ."""
    from PIL import Image

    rng = np.random.default_rng(0)
    slope = np.linspace(0, 200, 256)[:, None, None]
    for _ in range(count):
        noise = rng.integers(0, 40, (256, 256, 3)) + rng.integers(0, 16)
        buffer = io.BytesIO()
        Image.fromarray((slope + noise).astype(np.uint8)).save(buffer, "JPEG", quality=60)
        yield buffer.getvalue()


def ingested(dataset: str, root: Path) -> tuple[float, float, float, str]:
    """Return wall seconds, CPU seconds, peak memory in MiB and the digest of the images."""
    from sightline.config import DataConfig
    from sightline.data import ingest, locate
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    settings = DataConfig(dataset=dataset)
    started, before = time.monotonic(), used()
    run = Run(id="remote", workspace=Workspace(root))
    files = ingest.ingest(run, locate.locate(settings), settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.monotonic() - started, used() - before, peak, files.images["train"].sha256


def used() -> float:
    """Return the CPU seconds of this process."""
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime


def main() -> None:
    """Measure each format in turn and print a table."""
    given = arguments(__doc__, images=2000, rounds=3, delay=0.0)
    from grid_formats import FORMATS, Example
    from remote_data import upload
    from s3_server import serving

    rows: list[tuple[Any, ...]] = []
    with scratch() as root, serving() as server:
        os.environ.update(server.environment)
        examples = [
            Example("", str(number % 2), content, suffix=".jpg")
            for number, content in enumerate(photographs(given.images))
        ]
        for name in EXAMPLES_A_FORMAT:
            folder = root / name.replace(" ", "-")
            FORMATS[name].write(folder, examples)
            url = upload(folder, server.new_bucket())
            if given.delay:
                server.add("slow", times=10**9, seconds=given.delay)
            found: dict[str, list[tuple[float, float, float, str]]] = {}
            for number in range(given.rounds):
                server.requests.clear()
                for place in (str(folder), url):
                    target = root / f"artifacts-{name}-{number}-{place == url}"
                    found.setdefault(place, []).append(in_new_process(ingested, place, target))
            server.faults.clear()
            assert len({one[3] for runs in found.values() for one in runs}) == 1
            for place, runs in found.items():
                middle = [f"{sorted(one)[len(one) // 2]:.1f}" for one in list(zip(*runs, strict=True))[:3]]
                where = "S3" if place == url else "disk"
                rows.append((name, where, *middle, len(server.requests) if place == url else 0))
    print_rows(("format", "from", "seconds", "CPU seconds", "peak MiB", "requests"), rows)


if __name__ == "__main__":
    main()
