"""Two models predict the same test images; runs inside the Keras process.

Each reads them in blocks in its own size, so memory does not grow with the number of images.
"""

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import pyarrow.parquet as pq

from sightline.data import holdout
from sightline.data.label_table import Labels, read_labels
from sightline.data.split_arrays import StoredImages, blocks, open_images
from sightline.errors import ModelFileError
from sightline.evaluation import predictions_table
from sightline.evaluation.model_under_test import class_probabilities
from sightline.evaluation.predictions_table import Block
from sightline.models import keras_files
from sightline.pipeline.progress import Progress, emit
from sightline.records import FileRecord, ImagesFile
from sightline.registry.gate.scores import CANDIDATE, CHAMPION, ScoringRequest, Timing

_BATCH = 256
_BATCH_BYTES = 8 << 20  # as float32 pixels; the activations of large images take far more
_WARM_UP = 10
_MIN_ROUNDS, _MAX_ROUNDS = 20, 400
_TIMING_SECONDS = 5.0


def score(request: ScoringRequest) -> Timing:
    """Let two models predict the test images, written to `request.folder`, and time one image.

    Raises:
        DataError: The test images or their labels are missing or were changed.
        ModelFileError: A model is missing, damaged, or does not fit the images.
        StorageError: The disk has too little room.
    """
    workspace = request.workspace
    holdout.verify_holdout(workspace, request.files)
    labels = read_labels(workspace, request.files, "test")
    models = _models(request)
    with workspace.storage_errors():
        row_bytes = 3 * 8 + 4 * len(request.files.class_names)
        needed = len(models) * len(labels) * row_bytes
        workspace.check_room(needed, "The predictions of two models")
        for number, (model, name) in enumerate(zip(models, (CANDIDATE, CHAMPION), strict=True)):
            for block in _predict(model, labels, request.folder / name):
                done = number * len(labels) + block.start + len(block.labels)
                emit(Progress(stage="promotion", done=done, total=2 * len(labels), unit="images"))
    candidate, champion = _median_seconds(models)
    return Timing(candidate_seconds=candidate, champion_seconds=champion)


class _Model(NamedTuple):
    """A model and the test images in its form."""

    model: keras.Model
    images: StoredImages


def _models(request: ScoringRequest) -> tuple[_Model, _Model]:
    candidate = _model(request, request.candidate, request.files.images["test"])
    try:
        return candidate, _model(request, request.champion, request.champion_images)
    except ModelFileError as error:
        raise ModelFileError(
            f"{error} It is the model of the champion {request.champion_name}: restore it from a "
            "copy, or return to an earlier version with `sightline models rollback`."
        ) from None


def _model(request: ScoringRequest, record: FileRecord, images: ImagesFile) -> _Model:
    path, dataset = request.workspace.path(record.path), request.files
    model = keras_files.read_model(path, record.sha256)
    found = (tuple(model.input_shape[1:]), model.output_shape[-1])
    expected = (images.shape[1:], len(dataset.class_names))
    if found != expected:
        raise ModelFileError(
            f"{path} takes images of shape {found[0]} and knows {found[1]} classes; expected "
            f"{expected[0]} and {expected[1]}, as in {dataset.dataset}."
        )
    return _Model(model, open_images(request.workspace, images))


def _predict(tested: _Model, labels: Labels, path: Path) -> Iterator[Block]:
    """Predict block by block; write each to the predictions table and yield it."""
    model, images = tested
    batch = max(1, min(_BATCH, _BATCH_BYTES // (4 * math.prod(model.input_shape[1:]))))
    schema = predictions_table.schema(model.output_shape[-1])
    with pq.ParquetWriter(path, schema, write_page_checksum=True) as writer:
        for rows in blocks(images):
            probabilities = class_probabilities(model, images[rows], batch)
            block = Block(rows.start, labels[rows], probabilities)
            writer.write_table(predictions_table.to_arrow(block))
            yield block


def _median_seconds(models: Sequence[_Model]) -> list[float]:
    """Time each model on its first image; return median seconds.

    They take turns, so that a busy machine slows both.
    """
    first_images = [images[:1] for _, images in models]
    for number, (model, _) in enumerate(models):
        for _ in range(_WARM_UP):
            model.predict_on_batch(first_images[number])
    times: list[list[float]] = [[] for _ in models]
    end = time.perf_counter() + _TIMING_SECONDS
    for turn in range(_MAX_ROUNDS):
        if turn >= _MIN_ROUNDS and time.perf_counter() > end:
            break
        first = turn % len(models)
        for number in (*range(first, len(models)), *range(first)):
            started = time.perf_counter()
            models[number].model.predict_on_batch(first_images[number])
            times[number].append(time.perf_counter() - started)
    return [statistics.median(of_model) for of_model in times]
