"""Two models predict the same test images; runs inside the Keras process.

Both see each block of images in turn, so what slows the machine down slows both, and memory does
not grow with the number of images.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data import holdout
from sightline.data.label_table import read_labels
from sightline.errors import ModelFileError
from sightline.evaluation.model_under_test import class_probabilities
from sightline.models import keras_files
from sightline.pipeline.progress import Progress, emit
from sightline.records import FileRecord
from sightline.registry.gate.contest import Contest, Timing
from sightline.registry.gate.scores import COLUMNS
from sightline.storage import files as artifact_files
from sightline.storage.npy import read_blocks

_BATCH = 256
_BATCH_BYTES = 8 << 20
"""Of float32 pixels: the activations of large images are far larger."""

_ROW_BYTES = 32
"""A row of the table holds three int64 and two float32."""

_WARM_UP = 10
_FEWEST_ROUNDS, _MOST_ROUNDS = 20, 400
_TIMING_SECONDS = 5.0


def score(contest: Contest) -> Timing:
    """Let two models predict the test images, and time them on one image.

    Args:
        contest: The models, the images, and the table to write.

    Returns:
        The times; the predictions are in the table.

    Raises:
        DataError: The test images or their labels are not there any more, or changed.
        ModelFileError: A model is missing, damaged, or does not fit the images.
        StorageError: The disk has too little room.
    """
    images = contest.files.images["test"]
    holdout.check(contest.workspace, contest.files)
    models = _models(contest)
    with artifact_files.storage_errors(contest.workspace.root):
        needed = images.shape[0] * _ROW_BYTES
        contest.workspace.check_room(needed, "The predictions of two models")
        _predict(contest, models)
    image = next(read_blocks(contest.workspace.root / images.path))[:1]
    candidate, champion = _median_seconds(models, image)
    return Timing(candidate_seconds=candidate, champion_seconds=champion)


def _models(contest: Contest) -> tuple[keras.Model, keras.Model]:
    candidate = _model(contest, contest.candidate)
    try:
        return candidate, _model(contest, contest.champion)
    except ModelFileError as error:
        raise ModelFileError(
            f"{error} It is the model of {contest.champion_name}, the champion: restore it from a "
            "copy, or go back to an earlier version with `sightline models rollback`."
        ) from None


def _model(contest: Contest, record: FileRecord) -> keras.Model:
    path, files = contest.workspace.root / record.path, contest.files
    model = keras_files.read_model(path, record.sha256)
    found = (tuple(model.input_shape[1:]), model.output_shape[-1])
    expected = (files.image_shape, len(files.class_names))
    if found != expected:
        raise ModelFileError(
            f"{path} takes images of shape {found[0]} and tells {found[1]} classes apart; expected "
            f"{expected[0]} and {expected[1]}, as {files.dataset} has them."
        )
    return model


def _predict(contest: Contest, models: Sequence[keras.Model]) -> None:
    """Write what both models say, block by block."""
    test = contest.files.images["test"]
    batch = max(1, min(_BATCH, _BATCH_BYTES // (4 * int(np.prod(test.shape[1:])))))
    labels = read_labels(contest.workspace, contest.files, "test").astype(np.int64)
    done = 0
    with _writer(contest.table) as writer:
        for block in read_blocks(contest.workspace.root / test.path):
            columns = [labels[done : done + len(block)]]
            for model in models:
                probabilities = class_probabilities(model, block, batch)
                columns += [probabilities.argmax(axis=1), probabilities.max(axis=1)]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))
            done += len(block)
            emit(Progress(stage="promotion", done=done, total=len(labels), unit="images"))


_SCHEMA = pa.schema(
    [(name, pa.float32() if name.endswith("_probability") else pa.int64()) for name in COLUMNS]
)


def _writer(path: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, _SCHEMA, write_page_checksum=True)


def _median_seconds(models: Sequence[keras.Model], image: NDArray[np.uint8]) -> list[float]:
    """Time models on one image, in turn.

    Args:
        models: What to time.
        image: uint8 of shape (1, height, width, channels).

    Returns:
        Median seconds of each.
    """
    for model in models:
        for _ in range(_WARM_UP):
            model.predict_on_batch(image)
    times: list[list[float]] = [[] for _ in models]
    end = time.perf_counter() + _TIMING_SECONDS
    for turn in range(_MOST_ROUNDS):
        if turn >= _FEWEST_ROUNDS and time.perf_counter() > end:
            break
        first = turn % len(models)
        for number in (*range(first, len(models)), *range(first)):
            started = time.perf_counter()
            models[number].predict_on_batch(image)
            times[number].append(time.perf_counter() - started)
    return [statistics.median(of_model) for of_model in times]
