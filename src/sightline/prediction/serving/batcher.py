"""One queue of images, which the model predicts in batches."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.prediction.serving.engine import Engine, Pixels
from sightline.prediction.serving.metrics import Metrics
from sightline.prediction.serving.settings import Settings

Answer = asyncio.Future[NDArray[np.float32]]


class _Waiting(NamedTuple):
    engine: Engine  # Which predicts it: its pixels have the form that this one takes
    pixels: Pixels
    answer: Answer
    since: float


class Batcher:
    """Collects images of all requests; those of a batch have the same engine.

    A batch starts as soon as the model is free. It waits at most `max_wait` for others that are
    being decoded, and never if there are none. An engine that is replaced predicts what was
    admitted for it, and is then forgotten.
    """

    def __init__(self, settings: Settings, metrics: Metrics, decoding: Callable[[], int]) -> None:
        """Create an empty queue; `decoding` counts the images that are about to come."""
        self._settings, self._metrics, self._decoding = settings, metrics, decoding
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")

    def submit(self, engine: Engine, pixels: Pixels) -> Answer:
        """Add an image; its future gets the probabilities of its classes."""
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        self._waiting.append(_Waiting(engine, pixels, answer, loop.time()))
        self._arrived.set()
        return answer

    async def run(self) -> None:
        """Predict batch after batch, until cancelled."""
        try:
            while True:
                await self._predict(await self._collect())
        finally:
            self._thread.shutdown(wait=False)

    async def _collect(self) -> list[_Waiting]:
        """Wait for the next batch, at least one image."""
        while not self._waiting:
            await self._next_arrival(None)
        deadline = self._waiting[0].since + self._settings.max_wait
        while not self._is_full() and self._decoding():
            seconds = deadline - asyncio.get_running_loop().time()
            if seconds <= 0:
                break
            await self._next_arrival(seconds)
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._settings.max_batch:
            if batch and self._waiting[0].engine is not batch[0].engine:
                break
            one = self._waiting.popleft()
            if not one.answer.done():  # else its request timed out
                batch.append(one)
        return batch

    async def _next_arrival(self, seconds: float | None) -> None:
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            pass

    def _is_full(self) -> bool:
        """Return whether nothing that arrives could join the next batch."""
        full = len(self._waiting) >= self._settings.max_batch
        return full or self._waiting[-1].engine is not self._waiting[0].engine

    async def _predict(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        self._metrics.batch.observe(len(batch))
        images = np.stack([one.pixels for one in batch])
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, batch[0].engine.predict, images)
        except Exception as error:  # of this batch alone: the server goes on
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, row in zip(batch, found, strict=True):
            if not one.answer.done():
                one.answer.set_result(row)
