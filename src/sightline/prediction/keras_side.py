"""Predict a stream of images. Runs in the Keras process."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa

from sightline.data.decoding import form, images
from sightline.data.decoding.image_kinds import add_kinds, describe_left_out
from sightline.data.decoding.parallel import ordered_map
from sightline.data.readers.base import Form
from sightline.data.validation.profile import Profiler
from sightline.errors import ModelFileError
from sightline.experiments.run_folder import MANIFEST
from sightline.models import keras_files
from sightline.pipeline import progress
from sightline.prediction import drift, signature, stream, table
from sightline.prediction.predicted import Predicted, predict_block
from sightline.prediction.records import Outcome, Prediction, Request, ServedModel
from sightline.prediction.shards import Shards
from sightline.prediction.stream import Block
from sightline.records import ModelMetadata, Run
from sightline.records.model_metadata import FILE

_BATCH = 500  # Images a step, as in the evaluation
# Most bytes of a step's images as float32: the activations of large images are far larger
_BATCH_BYTES = 8 << 20
_SHOWN = 20  # Number of predictions in the summary


Read = Callable[[Form, int], Iterator[Block]]
"""Reads all images in a form, in blocks of at most so many."""


def predict(request: Request, read: Read | None = None, run: Run | None = None) -> Outcome:
    """Predict all images and write the table; `read` is how to read images of other kinds.

    With a run, more than `shard_images` image files are predicted in shards, which stay in the
    cache of its workspace.

    Raises DataError if a file of many images is damaged, StorageError if there is no room, and
    ModelFileError if the model's file is damaged, a different one, or gives no probabilities.
    """
    path, sha256 = Path(request.model.path), request.model.sha256
    model, stored = keras_files.read_with_metadata(path, sha256)
    metadata = metadata_of(model, request.model, stored)
    size = block_size(metadata)
    summary = _Summary(request, metadata, _unknown(request.model, stored))

    wanted = Form(metadata.image_shape, metadata.resize, white=metadata.white)
    counter = progress.Counter("images", request.images, "predict")

    def predict_blocks(blocks: Iterator[Block]) -> Iterator[Predicted]:
        # A thread lets the model work while its last predictions are counted and written. Only
        # one, since not every Keras backend allows more.
        one = partial(predict_block, model, size)
        for block in ordered_map(one, blocks, batch_size=1, ahead=2, threads=1):
            yield block
            counter.advance(len(block.names))

    if run is not None and request.has_shards:
        found = Shards(run, sha256, wanted, size, predict_blocks).predict(request, counter.advance)
    else:
        blocks = read(wanted, size) if read else stream.read(request.inputs, wanted, size)
        found = predict_blocks(blocks)
    started = time.monotonic()
    with images.silence_bomb_warnings(), table.open_table(request) as append:
        for block in found:
            append(summary.add(block))
    return summary.outcome(time.monotonic() - started)


class _Summary:
    """Counts predictions block by block and converts them to rows."""

    def __init__(self, request: Request, metadata: ModelMetadata, unknown: tuple[str, ...]) -> None:
        self._request = request
        self._metadata = metadata
        self._unknown = unknown
        self._labels = pa.array(metadata.class_names)
        self._profiler = Profiler()
        self._classes = np.zeros(len(self._labels), dtype=np.int64)
        self._totals: Counter[str] = Counter()
        self._first_error: str | None = None
        self._shown: list[Prediction] = []

    def add(self, block: Predicted) -> pa.RecordBatch:
        """Count a block and return its rows with the columns of the table."""
        probabilities = block.probabilities
        failed = np.isin(np.arange(len(probabilities)), list(block.errors))
        classes, highest = probabilities.argmax(axis=1), probabilities.max(axis=1)
        if not np.isfinite(highest).all():
            raise ModelFileError(
                f"{self._request.model.path} gives probabilities that are not finite; its weights "
                "are damaged: train again, or use another model."
            )
        abstained = ~failed & (highest < self._request.abstain_below)
        columns = [
            block.names,
            pa.array(self._totals["images"] + np.arange(len(failed))),
            self._labels.take(pa.array(classes, mask=failed)),
            pa.array(classes.astype(np.int16), mask=failed),
            pa.array(highest.astype(np.float32), mask=failed),
            pa.array(abstained),
            pa.array([block.errors.get(row) for row in range(len(failed))], pa.string()),
        ]
        if self._request.with_probabilities:
            columns.append(pa.array(list(probabilities), pa.list_(pa.float32()), mask=failed))
        rows = pa.record_batch(columns, schema=table.columns(self._request))
        self._totals.update(
            images=len(failed), abstained=int(abstained.sum()), failed=len(block.errors)
        )
        self._totals.update(block.conversions._asdict())
        answered = classes[~failed & ~abstained]
        self._classes += np.bincount(answered, minlength=len(self._classes))
        self._first_error = self._first_error or next(iter(block.errors.values()), None)
        self._profiler.add_histogram(block.histogram, block.sums)
        shown = rows.select(list(Prediction.model_fields))[: _SHOWN - len(self._shown)]
        self._shown += [Prediction(**row) for row in shown.to_pylist()]
        return rows

    def outcome(self, seconds: float) -> Outcome:
        """Return the summary."""
        return Outcome(
            model=self._request.model.name,
            model_sha256=self._request.model.sha256,
            images=self._totals["images"],
            classes=dict(zip(self._labels.to_pylist(), self._classes.tolist(), strict=True)),
            abstained=self._totals["abstained"],
            failed=self._totals["failed"],
            first_error=self._first_error,
            warnings=self._warnings(),
            seconds=round(seconds, 3),
            images_per_second=round(self._totals["images"] / seconds, 1),
            predictions=tuple(self._shown),
        )

    def _warnings(self) -> tuple[str, ...]:
        totals = self._totals
        decoded = totals["images"] - totals["failed"]
        found = [*self._unknown]
        found += describe_left_out(add_kinds(*(one.left_out for one in self._request.inputs)))
        found += form.describe_conversions(
            *(self._metadata.image_shape, self._metadata.resize),
            *(totals["resized"], totals["converted"], decoded),
        )
        if totals["recolored"]:
            found.append(f"{totals['recolored']:,} of {decoded:,} images were converted to sRGB.")
        if totals["clipped"]:
            found.append(
                f"{totals['clipped']:,} of {decoded:,} images of 16 bits have values above the "
                f"white of the training images ({self._metadata.white:,}), which became white."
            )
        if self._request.model.profile and decoded:
            profile = self._profiler.profile(self._classes.tolist())
            found += drift.compare(profile, self._request.model.profile)
        return tuple(found)


def block_size(metadata: ModelMetadata) -> int:
    """Return how many images a model predicts at once."""
    return max(1, min(_BATCH, _BATCH_BYTES // (4 * int(np.prod(metadata.image_shape)))))


def metadata_of(
    model: keras.Model, served: ServedModel, stored: ModelMetadata | None
) -> ModelMetadata:
    """Return the metadata of a model, by default that in its file; check that it fits."""
    shapes = (model.input_shape, model.output_shape)
    return signature.fit(*shapes, served.path, served.metadata, stored)


def _unknown(served: ServedModel, stored: ModelMetadata | None) -> tuple[str, ...]:
    """State in a sentence what is unknown of a model without a record of its run."""
    if served.metadata is not None:
        return ()
    if stored is not None:
        return (
            f"The images were not compared with the training images, which are unknown: the model "
            f"is not beside the {MANIFEST} of its run.",
        )
    return (
        f"The class names and the training images are unknown: the model has no {FILE} and is not "
        f"beside the {MANIFEST} of its run; the classes are named class_0, class_1 and so on.",
    )
