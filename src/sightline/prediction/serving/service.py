"""Answers requests with the model that is served at the moment."""

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.images import EncodedImage, decode_one
from sightline.pipeline.provenance import cores
from sightline.prediction.serving import errors
from sightline.prediction.serving.batcher import Batcher
from sightline.prediction.serving.engine import Engine, Pixels
from sightline.prediction.serving.metrics import Metrics
from sightline.prediction.serving.request_log import RequestLog, Row
from sightline.prediction.serving.settings import Settings


class Upload(NamedTuple):
    """An encoded image that a client sent."""

    name: str
    data: bytes


class Answer(NamedTuple):
    """The prediction for an image."""

    input: str
    label: str
    number: int  # Of the class, in label order
    probability: float
    abstained: bool
    probabilities: NDArray[np.float32]  # Shape (classes,)


class Answers(NamedTuple):
    """The predictions of one request, all by one model."""

    engine: Engine
    each: tuple[Answer, ...]


class Service:
    """Decodes and predicts; `engine` may be replaced at any time.

    A request keeps the engine that it found, since its images are decoded to what that one takes.
    """

    def __init__(
        self, engine: Engine, settings: Settings, metrics: Metrics, log: RequestLog | None = None
    ) -> None:
        """Serve a loaded model; `run_batches` must run meanwhile."""
        self.engine = engine
        self.settings = settings
        self.metrics = metrics
        self._log = log
        self._at_work = self._decoding = 0
        self._batcher = Batcher(settings, metrics, lambda: self._decoding)
        self._decoders = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
        self.is_alive = False  # Whether `run_batches` runs
        metrics.queue.set_function(lambda: self._at_work)
        metrics.show_model(engine)

    async def run_batches(self) -> None:
        """Predict what requests bring, until cancelled."""
        self.is_alive = True
        try:
            await self._batcher.run()
        finally:
            self.is_alive = False
            self._decoders.shutdown(wait=False, cancel_futures=True)

    def replace(self, engine: Engine) -> None:
        """Answer with another model from now on."""
        self.engine = engine
        self.metrics.show_model(engine)
        self.metrics.swaps.labels("replaced").inc()

    async def predict(self, uploads: Sequence[Upload], engine: Engine) -> Answers:
        """Predict encoded images, decoded as `sightline predict` does.

        Raises DataError, naming the image, if one cannot be decoded or has too many pixels, and
        RefusedError if too many images are at work.
        """
        with self._admitted(len(uploads)):
            found = await _all(self._predict_one(one, engine) for one in uploads)
        names = [one.name for one in uploads]
        return self._answers(engine, names, [one.data for one in uploads], found)

    async def predict_pixels(self, images: Pixels, engine: Engine) -> Answers:
        """Predict images of the form that the model takes."""
        with self._admitted(len(images)):
            found = await _all(self._batcher.submit(engine, one) for one in images)
        names = [""] * len(images)
        return self._answers(engine, names, [one.tobytes() for one in images], found)

    async def _predict_one(self, upload: Upload, engine: Engine) -> NDArray[np.float32]:
        image = EncodedImage(upload.name, upload.data, self.settings.max_pixels)
        loop = asyncio.get_running_loop()
        self._decoding += 1
        try:
            decode = partial(decode_one, image, engine.form)
            _, pixels = await loop.run_in_executor(self._decoders, decode)
        finally:
            self._decoding -= 1
        return await self._batcher.submit(engine, pixels)

    @contextmanager
    def _admitted(self, images: int) -> Iterator[None]:
        if self._at_work + images > self.settings.max_queue:
            raise errors.busy(f"{self._at_work} images are at work")
        self._at_work += images
        try:
            yield
        finally:
            self._at_work -= images

    def _answers(
        self,
        engine: Engine,
        names: Sequence[str],
        contents: Sequence[bytes],
        found: Sequence[NDArray[np.float32]],
    ) -> Answers:
        labels = engine.metadata.class_names
        answers = []
        for name, row in zip(names, found, strict=True):
            number = int(row.argmax())
            highest = float(row[number])
            abstained = highest < self.settings.abstain_below
            answers.append(Answer(name, labels[number], number, highest, abstained, row))
            self.metrics.predictions.labels(labels[number]).inc()
            self.metrics.abstentions.inc(abstained)
        if self._log is not None:
            pairs = zip(answers, contents, strict=True)
            self._log.add([_row(one, content, engine) for one, content in pairs])
        return Answers(engine, tuple(answers))


async def _all(each: Iterable[Awaitable[NDArray[np.float32]]]) -> list[NDArray[np.float32]]:
    """Await all; if one fails, cancel the others, which nobody waits for any more."""
    futures = [asyncio.ensure_future(one) for one in each]
    try:
        return await asyncio.gather(*futures)
    finally:
        for future in futures:
            future.cancel()


def _row(one: Answer, content: bytes, engine: Engine) -> Row:
    digest = hashlib.sha256(content).hexdigest()
    return Row(one.input, digest, one.label, one.probability, one.abstained, engine.model)
