"""Ingest of 2,000 photographs from an S3 server on loopback, next to the same files on disk.

Usage: python benchmarks/remote_data.py [--images 2000] [--rounds 3] [--delay 0]

The JPEGs have 96x96 pixels and about 4 KB; each format holds them all. The server (moto's) runs in
this process and waits `--delay` seconds before each answer; ingest runs in a process of its own.
CPU seconds are those of ingest alone.
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

FORMATS_MEASURED = ("class folders", "WebDataset", "TFRecord", "Parquet")


def photographs(count: int) -> Iterator[bytes]:
    """Encode images of noise on a slope, which differ."""
    from PIL import Image

    rng = np.random.default_rng(0)
    slope = np.linspace(0, 200, 96)[:, None, None]
    for _ in range(count):
        noise = rng.integers(0, 40, (96, 96, 3)) + rng.integers(0, 16)
        buffer = io.BytesIO()
        Image.fromarray((slope + noise).astype(np.uint8)).save(buffer, "JPEG", quality=60)
        yield buffer.getvalue()


def ingested(dataset: str, root: Path) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak memory in MiB."""
    from sightline.config import DataConfig
    from sightline.data import ingest, locate
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    settings = DataConfig(dataset=dataset)
    started, before = time.monotonic(), used()
    run = Run(id="remote", workspace=Workspace(root))
    ingest.ingest(run, locate.locate(settings), settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.monotonic() - started, used() - before, peak


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

    with scratch() as root, serving() as server:
        os.environ.update(server.environment)
        examples = [
            Example("", str(number % 2), content, suffix=".jpg")
            for number, content in enumerate(photographs(given.images))
        ]

        def measured(name: str) -> Iterator[tuple[Any, ...]]:
            FORMATS[name].write(root / name, examples)
            url = upload(root / name, server.new_bucket())
            server.add("slow", times=10**9, seconds=given.delay)
            for place in (str(root / name), url):
                server.requests.clear()
                runs = [
                    in_new_process(ingested, place, root / f"{name}-{number}-{place == url}")
                    for number in range(given.rounds)
                ]
                middle = (f"{sorted(one)[len(one) // 2]:.1f}" for one in zip(*runs, strict=True))
                asked = len(server.requests) // given.rounds
                yield (name, "S3" if place == url else "disk", *middle, asked)
            server.faults.clear()

        head = ("format", "from", "seconds", "CPU seconds", "peak MiB", "requests")
        print_rows(head, (row for name in FORMATS_MEASURED for row in measured(name)))


if __name__ == "__main__":
    main()
