"""Two models predict the same test images; runs inside the Keras process.

Both read each block of images in turn, so memory does not grow with the number of images.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack

import keras
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data import holdout
from sightline.data.label_table import read_labels
from sightline.data.split_arrays import blocks, open_images
from sightline.errors import ModelFileError
from sightline.evaluation import predictions_table
from sightline.evaluation.model_under_test import class_probabilities
from sightline.evaluation.predictions_table import Block
from sightline.models import keras_files
from sightline.pipeline.progress import Progress, emit
from sightline.records import FileRecord
from sightline.registry.gate.scores import CANDIDATE, CHAMPION, ScoringRequest, Timing
from sightline.storage import files

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
    workspace, images = request.workspace, request.files.images["test"]
    holdout.verify_holdout(workspace, request.files)
    models = _models(request)
    with files.storage_errors(workspace.root):
        row_bytes = 3 * 8 + 4 * len(request.files.class_names)
        needed = len(models) * images.shape[0] * row_bytes
        workspace.check_room(needed, "The predictions of two models")
        _predict(request, models)
    image = open_images(workspace, images)[:1]
    candidate, champion = _median_seconds(models, image)
    return Timing(candidate_seconds=candidate, champion_seconds=champion)


def _models(request: ScoringRequest) -> tuple[keras.Model, keras.Model]:
    candidate = _model(request, request.candidate)
    try:
        return candidate, _model(request, request.champion)
    except ModelFileError as error:
        raise ModelFileError(
            f"{error} It is the model of the champion {request.champion_name}: restore it from a "
            "copy, or return to an earlier version with `sightline models rollback`."
        ) from None


def _model(request: ScoringRequest, record: FileRecord) -> keras.Model:
    path, dataset = request.workspace.path(record.path), request.files
    model = keras_files.read_model(path, record.sha256)
    found = (tuple(model.input_shape[1:]), model.output_shape[-1])
    expected = (dataset.image_shape, len(dataset.class_names))
    if found != expected:
        raise ModelFileError(
            f"{path} takes images of shape {found[0]} and knows {found[1]} classes; expected "
            f"{expected[0]} and {expected[1]}, as in {dataset.dataset}."
        )
    return model


def _predict(request: ScoringRequest, models: Sequence[keras.Model]) -> None:
    """Write one predictions table a model, block by block."""
    workspace, dataset = request.workspace, request.files
    test = dataset.images["test"]
    batch = max(1, min(_BATCH, _BATCH_BYTES // (4 * int(np.prod(test.shape[1:])))))
    labels = read_labels(workspace, dataset, "test")
    schema = predictions_table.schema(len(dataset.class_names))
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                pq.ParquetWriter(request.folder / name, schema, write_page_checksum=True)
            )
            for name in (CANDIDATE, CHAMPION)
        ]
        images = open_images(workspace, test)
        for rows in blocks(images):
            for model, writer in zip(models, writers, strict=True):
                probabilities = class_probabilities(model, images[rows], batch)
                block = Block(rows.start, labels[rows], probabilities)
                writer.write_table(predictions_table.to_arrow(block))
            emit(Progress(stage="promotion", done=rows.stop, total=len(labels), unit="images"))


def _median_seconds(models: Sequence[keras.Model], image: NDArray[np.uint8]) -> list[float]:
    """Time models on one uint8 image, (1, height, width, channels); return median seconds.

    They take turns, so that a busy machine slows both.
    """
    for model in models:
        for _ in range(_WARM_UP):
            model.predict_on_batch(image)
    times: list[list[float]] = [[] for _ in models]
    end = time.perf_counter() + _TIMING_SECONDS
    for turn in range(_MAX_ROUNDS):
        if turn >= _MIN_ROUNDS and time.perf_counter() > end:
            break
        first = turn % len(models)
        for number in (*range(first, len(models)), *range(first)):
            started = time.perf_counter()
            models[number].predict_on_batch(image)
            times[number].append(time.perf_counter() - started)
    return [statistics.median(of_model) for of_model in times]
