"""What 1, 10 and 100 times as many images cost, and what 100 million would.

Usage: python benchmarks/growth.py [--images 300] [--scales 3] [--side 64] [--shard-images 1000]

Draws JPEG files of two classes, the same in each run, and measures each step in a new process: an
ingest; the features of a pretrained EfficientNet-Lite0; a complete run of one epoch with its
report, against a private Prefect server; and ingest and features once more after one image in a
hundred was added. CPU seconds and memory are those of the step's processes, without the server.
Memory is the largest that a process held itself, read 20 times a second: mapped files, which the
kernel drops when it needs room, do not count. A slope is the cost of an image between the two
largest numbers of images.
"""

import os
import resource
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from harness import arguments, in_new_process, print_rows, scratch

MORE = "ingest 1 % more"
FAR = 100_000_000


@dataclass
class Cost:
    """The cost of one step."""

    cpu: float  # Seconds
    memory: float  # Largest anonymous memory of a process in MiB
    disk: float  # MiB that the step added to the artifacts
    calls: int = 0  # Requests to the Prefect API
    shards: int = 0  # Shards that were computed


Done = tuple[int, float]  # A number, and the CPU seconds that were spent


def spent() -> float:
    """Return the CPU seconds of this process and Keras."""
    from sightline.pipeline.process import keras_process

    keras_process().close()
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


@contextmanager
def memory_read() -> Iterator[list[float]]:
    """Yield a list of the anonymous memory, in MiB, of this process and those of Keras."""
    found: list[float] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(0.05):
            for path in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, StopIteration, IndexError):
                    mine = int(path.name) == os.getpid()
                    parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                    if mine or (
                        parent == os.getpid()
                        and b"sightline.pipeline.worker" in (path / "cmdline").read_bytes()
                    ):
                        lines = (path / "status").read_text().splitlines()
                        held = next(line for line in lines if line.startswith("RssAnon"))
                        found.append(int(held.split()[1]) / 1024)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def draw(folder: Path, first: int, last: int, side: int) -> None:
    """Write images first to last: soft colors, warm or cold by class."""
    from PIL import Image

    for number in range(first, last):
        coarse = np.random.default_rng(number).integers(0, 160, (8, 8, 3), np.uint8)
        coarse[..., 2 * (number % 2)] += 90
        image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        place = folder / "ab"[number % 2] / f"{number:08}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        image.save(place, quality=85)


def config_of(data: Path, recipe: str, side: int, shard_images: int) -> Any:
    """Return a config of few epochs for the images in a folder."""
    from sightline.config import loading

    options = [
        f"data.image_size=[{side},{side}]",
        f"data.shard_images={shard_images}",
        "training.epochs=1",
        "evaluation.robustness_images=0",
        "evaluation.saliency_images=0",
        "evaluation.label_error_threshold=1",
    ]
    return loading.load(recipe, overrides=options, dataset=str(data))


def run_of(root: Path) -> Any:
    """Return a run with its artifacts in a folder."""
    from sightline.records import Run
    from sightline.storage.workspace import Workspace

    return Run(id=f"growth-{os.getpid()}", workspace=Workspace(root))


def ingest(data: Path, root: Path, side: int, shard_images: int) -> Done:
    """Locate and ingest a folder; return the number of shards that were computed."""
    from sightline.data import ingest as ingestion
    from sightline.data import locate

    settings = config_of(data, "quickstart", side, shard_images).data
    before = len(shards_of(root))
    ingestion.ingest(run_of(root), locate.locate(settings), settings)
    return len(shards_of(root)) - before, spent()


def embed(data: Path, root: Path, side: int, shard_images: int) -> Done:
    """Embed all images, which are ingested already; return the number of computed shards."""
    from sightline.data import ingest as ingestion
    from sightline.data import locate, preprocess
    from sightline.models.build import BUILD
    from sightline.pipeline.process import keras_process
    from sightline.training.embed import embed_in_shards

    config = config_of(data, "photos", side, shard_images)
    run = run_of(root)
    files = ingestion.ingest(run, locate.locate(config.data), config.data)
    arrays = preprocess.preprocess(run, files, config.preprocessing)
    blueprint = keras_process().run(BUILD.function, run, arrays, config.model)
    views = config.embedding.model_copy(update={"views": 1})
    before = len(shards_of(root, "embed_shard"))
    embed_in_shards(run, arrays, blueprint, views, shard_images)
    return len(shards_of(root, "embed_shard")) - before, spent()


def train(data: Path, root: Path, side: int, shard_images: int) -> Done:
    """Run the whole pipeline; return the number of requests to the Prefect API."""
    import httpx
    from prefect.testing.utilities import prefect_test_harness

    calls = 0

    def counting(send: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            return send(*given, **options)

        return counted

    httpx.Client.send = counting(httpx.Client.send)  # type: ignore[method-assign]
    httpx.AsyncClient.send = counting(httpx.AsyncClient.send)  # type: ignore[method-assign]
    from sightline.flows.train import training_flow

    with prefect_test_harness(server_startup_timeout=180):
        calls = 0
        training_flow(config_of(data, "quickstart", side, shard_images), run_of(root))
        return calls, spent()  # while the server still runs


STEPS: dict[str, Callable[[Path, Path, int, int], Done]] = {
    "ingest": ingest,
    "embed": embed,
    "train and report": train,
    MORE: ingest,
    "embed 1 % more": embed,
}


def measured(step: str, data: Path, root: Path, side: int, shard_images: int) -> Cost:
    """Do a step in this process, which does nothing else."""
    before = disk_of(root)
    with memory_read() as memory:
        count, cpu = STEPS[step](data, root, side, shard_images)
    return Cost(
        cpu=cpu,
        memory=max(memory),
        disk=(disk_of(root) - before) / 2**20,
        calls=count if step.startswith("train") else 0,
        shards=0 if step.startswith("train") else count,
    )


def shards_of(root: Path, stage: str = "ingest_shard") -> list[Path]:
    """Return the shards in the cache."""
    return [*(root / "cache" / stage).glob("[!.]*")]


def disk_of(root: Path) -> int:
    """Return the bytes of the files below a folder."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def main() -> None:
    """Measure step by step, then print the slopes and what they give for 100 million images."""
    given = arguments(__doc__, images=300, side=64, shard_images=1000, scales=3)
    counts = [given.images * 10**scale for scale in range(given.scales)]
    found: dict[str, list[Cost]] = {step: [] for step in STEPS}

    def rows(root: Path) -> Iterator[Sequence[object]]:
        for count in counts:
            draw(root / f"{count}", 0, count, given.side)
        for step, count in product(STEPS, counts):
            data, artifacts = root / f"{count}", root / f"artifacts {count}"
            if step == MORE:
                draw(data, count, count + count // 100, given.side)
            options = (data, artifacts, given.side, given.shard_images)
            cost = in_new_process(measured, step, *options)
            found[step].append(cost)
            shown = (f"{cost.cpu:.1f}", f"{1000 * cost.cpu / count:.3g}", f"{cost.memory:.0f}")
            yield (
                step,
                f"{count:,}",
                *shown,
                f"{cost.disk:.1f}",
                cost.shards or "",
                cost.calls or "",
            )

    head = ("step", "images", "CPU s", "CPU ms an image", "MiB of memory", "MiB of disk")
    with scratch() as root:
        print_rows((*head, "shards", "API requests"), rows(root))
    print()
    far = f"{FAR:,} images:"
    head = ("slope", "CPU ms", "KiB of memory", "KiB of disk", f"{far} CPU hours", "GiB", "TiB")
    print_rows(head, (extrapolated(step, costs, counts) for step, costs in found.items()))


def extrapolated(step: str, costs: Sequence[Cost], counts: Sequence[int]) -> Sequence[str]:
    """Return the cost of an image more, and of 100 million images."""
    (less, most), more = costs[-2:], counts[-1] - counts[-2]
    cpu, memory, disk = (
        (getattr(most, name) - getattr(less, name)) / more for name in ("cpu", "memory", "disk")
    )
    slopes = (1000 * cpu, 1024 * memory, 1024 * disk)
    totals = (FAR * cpu / 3600, FAR * memory / 2**10, FAR * disk / 2**20)
    return step, *(f"{one:.3g}" for one in (*slopes, *totals))


if __name__ == "__main__":
    main()
