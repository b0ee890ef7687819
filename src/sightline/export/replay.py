"""The program that loads one exported form and answers the golden images with it."""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sightline.config import Format
from sightline.export.runtimes import Predict, runtime
from sightline.records import Record
from sightline.storage.npy import open_mapped

ANSWERS, FACTS = "probabilities.npy", "facts.json"
"""Names of what it writes."""

BATCH = 256
_BATCH_BYTES = 8 << 20
"""Images that go through a runtime at once, in bytes: their activations are far larger."""

_WARM_UP = 2
_FEWEST, _MOST, _TIMING_SECONDS = 5, 200, 1.0
"""How often a time is taken: at least, at most, and for how long in between."""


class Facts(Record):
    """What was found beside the probabilities; see `records.ExportCheck`."""

    runtime: str
    load_seconds: float
    latency_1: float
    latency_256: float


def main(form: str, path: str, golden: str, out: str) -> None:
    """Load a form, answer the golden images, take the times.

    The time of loading ends with the first answer; that of importing the library is left out,
    since a process imports it once.

    Args:
        form: Which form.
        path: Its file or folder.
        golden: NPY file of uint8 images (n, height, width, channels).
        out: Folder to write the probabilities to, float32 of shape (n, num_classes), and the facts.
    """
    images: NDArray[np.uint8] = open_mapped(Path(golden))
    library = runtime(cast(Format, form))
    started = time.perf_counter()
    predict = library.load(Path(path))
    _answer(predict, images[:1])
    loaded = time.perf_counter() - started
    largest = max(1, min(BATCH, _BATCH_BYTES // int(images[0].nbytes)))
    answers = [_answer(predict, images[rows]) for rows in batches(len(images), largest)]
    np.save(Path(out, ANSWERS), np.concatenate(answers), allow_pickle=False)
    facts = Facts(
        runtime=library.name,
        load_seconds=loaded,
        latency_1=_median_seconds(predict, images[:1], 1),
        latency_256=_median_seconds(predict, _repeated(images), largest),
    )
    Path(out, FACTS).write_text(facts.model_dump_json(), encoding="utf-8")


def batches(images: int, largest: int) -> Iterator[slice]:
    """Split rows into batches of several sizes: one image, two, then the largest, then the rest.

    Args:
        images: How many rows there are.
        largest: Most rows of a batch.
    """
    start = 0
    for size in chain((1, 2), repeat(largest)):
        if start >= images:
            return
        yield slice(start, min(start + min(size, largest), images))
        start += min(size, largest)


def _answer(predict: Predict, images: NDArray[np.uint8]) -> NDArray[Any]:
    """Return what was answered, of whatever type: that it is float32 is checked by who asked."""
    found = np.asarray(predict(np.array(images)))
    if found.ndim != 2 or len(found) != len(images):  # noqa: PLR2004 - one row an image
        raise ValueError(f"{len(images)} images were answered with an array of {found.shape}")
    return found


def _repeated(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a batch of 256, with images repeated where there are fewer."""
    return np.array(images[np.arange(BATCH) % len(images)])


def _median_seconds(predict: Predict, images: NDArray[np.uint8], largest: int) -> float:
    """Take the time of predicting some images, in parts where they are large."""
    parts = [np.array(images[at : at + largest]) for at in range(0, len(images), largest)]

    def once() -> None:
        for part in parts:
            predict(part)

    for _ in range(_WARM_UP):
        once()
    return statistics.median(_times(once))


def _times(once: Callable[[], None]) -> list[float]:
    found: list[float] = []
    begun = time.perf_counter()
    while len(found) < _FEWEST or (
        len(found) < _MOST and time.perf_counter() - begun < _TIMING_SECONDS
    ):
        started = time.perf_counter()
        once()
        found.append(time.perf_counter() - started)
    return found
