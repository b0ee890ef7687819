"""Predict a stream of images. Runs inside the Keras process."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sightline.data.readers import images
from sightline.data.readers.labels import MAX_CLASSES
from sightline.data.readers.parallel import ordered_map
from sightline.data.validation.profile import Profiler
from sightline.errors import ModelFileError
from sightline.models import keras_files
from sightline.pipeline.counting import Counter
from sightline.prediction import drift, stream, table
from sightline.prediction.records import Outcome, Prediction, Request, Served
from sightline.prediction.stream import Block

_BATCH = 500
"""Images a step, as in the evaluation."""

_BATCH_BYTES = 8 << 20
"""Most bytes of a step's images as float32: the activations of large images are far larger."""

_SHOWN = 20
"""How many predictions are handed back one by one."""


def predict(request: Request) -> Outcome:
    """Predict all images and write the table.

    Args:
        request: What to predict, with which model, and where to write.

    Returns:
        What came of it.

    Raises:
        DataError: A file of many images is damaged.
        ModelFileError: The model's file is damaged, another one, or gives no probabilities.
        StorageError: There is no room for the table.
    """
    model = keras_files.read_model(Path(request.served.path), request.served.sha256)
    shape, class_names = _described(model, request.served)
    size = max(1, min(_BATCH, _BATCH_BYTES // (4 * int(np.prod(shape)))))
    tally = _Tally(request, shape, class_names)

    def answer(block: Block) -> tuple[Block, NDArray[np.float32]]:
        return block, np.asarray(model.predict_on_batch(block.images))

    started = time.monotonic()
    with images.silence_bomb_warnings(), table.opened(request) as append:
        blocks = stream.read(request.inputs, shape, size)
        # A thread, so that the model is at work while its last answers are counted and written;
        # one, since not every backend of Keras takes more.
        for block, answers in ordered_map(answer, blocks, batch_size=1, ahead=2, threads=1):
            append(tally.add(block, answers))
    return tally.outcome(time.monotonic() - started)


class _Tally:
    """Counts predictions block by block and turns them into rows."""

    def __init__(
        self, request: Request, shape: tuple[int, int, int], class_names: tuple[str, ...]
    ) -> None:
        self._request = request
        self._shape = shape
        self._names = class_names
        self._labels = pa.array(class_names)
        self._profiler = Profiler()
        self._counts = np.zeros(len(class_names), dtype=np.int64)
        self._images = self._abstained = self._failed = self._resized = self._converted = 0
        self._first_error: str | None = None
        self._shown: list[Prediction] = []
        self._counter = Counter("images", sum(one.images for one in request.inputs), "predict")

    def add(self, block: Block, probabilities: NDArray[np.float32]) -> Any:
        """Count a block and return its rows, a record batch of `table.COLUMNS`."""
        failed = np.zeros(len(block.images), dtype=np.bool_)
        failed[list(block.errors)] = True
        classes, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
        if not np.isfinite(highest).all():
            raise ModelFileError(
                f"{self._request.served.path} gives probabilities that are not finite; its weights "
                "are damaged: train again, or use another model."
            )
        abstained = ~failed & (highest < self._request.abstain_below)
        self._count(block, failed, abstained, classes)
        rows = pa.record_batch(
            [
                block.names,
                pa.array(np.arange(self._images, self._images + len(failed))),
                self._labels.take(pa.array(classes, mask=failed)),
                pa.array(classes.astype(np.int16), mask=failed),
                pa.array(highest.astype(np.float32), mask=failed),
                pa.array(abstained),
                _errors(block),
            ],
            schema=table.COLUMNS,
        )
        self._images += len(failed)
        self._show(rows)
        self._counter.advance(len(failed))
        return rows

    def _count(
        self,
        block: Block,
        failed: NDArray[np.bool_],
        abstained: NDArray[np.bool_],
        classes: NDArray[np.int64],
    ) -> None:
        answered = classes[~failed & ~abstained]
        self._counts += np.bincount(answered, minlength=len(self._counts))
        self._abstained += int(abstained.sum())
        self._failed += len(block.errors)
        self._resized += block.resized
        self._converted += block.converted
        if block.errors and self._first_error is None:
            self._first_error = next(iter(block.errors.values()))
        if len(block.errors) < len(failed):
            self._profiler.add(block.images[~failed] if block.errors else block.images)

    def _show(self, rows: Any) -> None:
        left = _SHOWN - len(self._shown)
        if left > 0:
            columns = list(Prediction.model_fields)
            self._shown += [Prediction(**row) for row in rows.select(columns)[:left].to_pylist()]

    def outcome(self, seconds: float) -> Outcome:
        """Sum up."""
        served = self._request.served
        return Outcome(
            model=served.name,
            model_sha256=served.sha256,
            images=self._images,
            classes=dict(zip(self._names, self._counts.tolist(), strict=True)),
            abstained=self._abstained,
            failed=self._failed,
            first_error=self._first_error,
            warnings=self._warnings(),
            seconds=round(seconds, 3),
            images_per_second=round(self._images / seconds, 1),
            predictions=tuple(self._shown),
        )

    def _warnings(self) -> tuple[str, ...]:
        read = self._images - self._failed
        left_out = sum(one.left_out for one in self._request.inputs)
        found = [*self._request.served.notes]
        if left_out:
            found.append(f"Files that are no PNG, JPEG or BMP images were left out: {left_out:,}.")
        found += images.describe_conversions(self._shape, self._resized, self._converted, read)
        if self._request.served.profile and read:
            profile = self._profiler.profile(self._counts.tolist())
            found += drift.compare(profile, self._request.served.profile)
        return tuple(found)


def _errors(block: Block) -> Any:
    rows = len(block.images)
    if not block.errors:
        return pa.nulls(rows, pa.string())
    return pa.array([block.errors.get(row) for row in range(rows)], pa.string())


def _described(model: keras.Model, served: Served) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """Return the shape of the images that a model takes, and the names of its classes."""
    taken, given = model.input_shape, model.output_shape
    if not (_is_images(taken) and _is_classes(given)):
        raise ModelFileError(
            f"{served.path} takes {taken} and gives {given}; expected images of one shape, grey or "
            "RGB, and a probability for each class."
        )
    shape, classes = (taken[1], taken[2], taken[3]), given[1]
    names = served.class_names or tuple(f"class_{number}" for number in range(classes))
    if len(names) != classes or served.image_shape not in {None, shape}:
        raise ModelFileError(
            f"{served.path} takes images of {shape} and knows {classes} classes; expected "
            f"{served.image_shape} and {len(names)} from what is written of it."
        )
    return shape, names


def _is_images(shape: tuple[Any, ...]) -> bool:
    match shape:
        case (None, int(height), int(width), 1 | 3):
            return max(height, width) <= images.MAX_SIDE
    return False


def _is_classes(shape: tuple[Any, ...]) -> bool:
    match shape:
        case (None, int(classes)):
            return classes <= MAX_CLASSES
    return False
