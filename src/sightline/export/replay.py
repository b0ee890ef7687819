"""The child program that loads an exported model and predicts the golden images with it."""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sightline.config import Format
from sightline.export.formats import FORMATS, Predict
from sightline.storage.npy import open_mapped

PROBABILITIES = "probabilities.npy"  # Name of the file written
BATCH = 256
_BATCH_BYTES = 8 << 20  # Most bytes of images a prediction: their activations are far larger
_WARM_UP = 2
_MIN_REPEATS, _MAX_REPEATS, _TIMING_SECONDS = 5, 200, 1.0


def main(name: str, path: str, golden: str, out: str) -> dict[str, Any]:
    """Load an export, predict the golden images, measure load time and latency, read the metadata.

    The load time ends with the first prediction. It excludes the import of the library, which
    happens once a process. The probabilities are written to a file in the folder `out`, the other
    results are the JSON of the metadata and fields of `records.ExportCheck`.
    """
    images: NDArray[np.uint8] = open_mapped(Path(golden))
    runtime = FORMATS[cast(Format, name)].runtime()
    started = time.perf_counter()
    predict = runtime.load(Path(path))
    _predict(predict, images[:1])
    load_seconds = time.perf_counter() - started
    limit = max(1, min(BATCH, _BATCH_BYTES // int(images[0].nbytes)))
    probabilities = [_predict(predict, images[rows]) for rows in batches(len(images), limit)]
    np.save(Path(out, PROBABILITIES), np.concatenate(probabilities), allow_pickle=False)
    full_batch = images[np.arange(BATCH) % len(images)]
    return {
        "runtime": runtime.name,
        "load_seconds": load_seconds,
        "latency_1": _median_seconds(predict, images[:1], 1),
        "latency_256": _median_seconds(predict, full_batch, limit),
        "metadata": FORMATS[cast(Format, name)].read_metadata(Path(path)),
    }


def batches(images: int, limit: int) -> Iterator[slice]:
    """Split rows into batches of several sizes: one image, two, then as many as allowed."""
    start = 0
    for size in chain((1, 2), repeat(limit)):
        if start >= images:
            return
        stop = min(start + min(size, limit), images)
        yield slice(start, stop)
        start = stop


def _predict(predict: Predict, images: NDArray[np.uint8]) -> NDArray[Any]:
    """Predict and check the shape; the parent process checks the type and the values."""
    found = np.asarray(predict(np.array(images)))
    if found.ndim != 2 or len(found) != len(images):  # noqa: PLR2004 - one row an image
        raise ValueError(f"expected {len(images)} rows of probabilities, got shape {found.shape}")
    return found


def _median_seconds(predict: Predict, images: NDArray[np.uint8], limit: int) -> float:
    """Measure the latency of some images, predicted in parts where they are large."""
    parts = [np.array(images[at : at + limit]) for at in range(0, len(images), limit)]

    def once() -> None:
        for part in parts:
            predict(part)

    for _ in range(_WARM_UP):
        once()
    return statistics.median(_durations(once))


def _durations(once: Callable[[], None]) -> list[float]:
    found: list[float] = []
    deadline = time.perf_counter() + _TIMING_SECONDS
    while len(found) < _MIN_REPEATS or (
        len(found) < _MAX_REPEATS and time.perf_counter() < deadline
    ):
        started = time.perf_counter()
        once()
        found.append(time.perf_counter() - started)
    return found
