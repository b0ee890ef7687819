"""Suggest images to label."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import read_labels
from sightline.data.readers.base import Form
from sightline.errors import DataError
from sightline.evaluation.model_under_test import class_probabilities
from sightline.pipeline.process import keras_process
from sightline.prediction import inputs, known_images
from sightline.prediction import model as models
from sightline.prediction.active_learning.candidates import BLOCK, Margins, Search
from sightline.prediction.active_learning.choice import PREFILTER, choose
from sightline.prediction.active_learning.records import (
    SuggestedImage,
    SuggestionRequest,
    Suggestions,
)
from sightline.prediction.predict import SHARD_IMAGES
from sightline.prediction.records import Request, ServedModel
from sightline.records import DatasetFiles, Run

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_TABLE = "predictions.parquet"
_MOST_TRAINING = 1_000  # Training images whose features are compared with those of the candidates
_UNKNOWN = (
    "The images of the model's run are not in the cache, so that those that are known already "
    "could not be left out."
)


def suggest(
    paths: Sequence[str],
    model: ServedModel,
    run: Run,
    count: int,
    seed: int = 0,
    shard_images: int = SHARD_IMAGES,
) -> Suggestions:
    """Suggest up to `count` of some image files and folders of them to label.

    Equal images, models and seeds give equal suggestions. Memory grows by 14 bytes an image, and
    with `count`. Raises DataError for an input or if no image is left, and ModelFileError for the
    model's file.
    """
    for path in paths:
        inputs.check(path)
    keras_process().start()  # imports Keras while folders are counted
    found = tuple(inputs.describe(path) for path in paths)
    for one in found:
        if one.kind not in {"image", "folder"}:
            raise DataError(
                f"{one.name} holds several images; to label them, give image files or folders."
            )
    request = SuggestionRequest(
        inputs=found,
        model=model.model_copy(update={"metadata": models.metadata_of(model)}),
        count=count,
        seed=seed,
        known=_known(run, model),
        shard_images=shard_images,
    )
    suggested = keras_process().run(suggest_request, run, request)
    if not suggested.images:
        raise DataError(
            f"None of the {suggested.examined:,} images is left to label: {suggested.known:,} are "
            f"in the data of the model's run, {suggested.duplicates:,} resemble others and "
            f"{suggested.unreadable:,} cannot be read; give other images."
        )
    return suggested


def suggest_request(run: Run, request: SuggestionRequest) -> Suggestions:
    """Suggest images. Runs in the Keras process."""
    from sightline.models import keras_files, penultimate
    from sightline.prediction import keras_side

    metadata = request.model.metadata
    assert metadata is not None  # noqa: S101 - `suggest` read it
    form = Form(metadata.image_shape, metadata.resize, white=metadata.white)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, _TABLE)
        outcome = keras_side.predict(
            Request(
                inputs=request.inputs,
                model=request.model,
                table=str(table),
                with_probabilities=True,
                shard_images=request.shard_images,
            ),
            run=run,
        )
        predicted = Margins.read(table)
        search = Search(run.workspace, table, form, request.known)
        found = search.find(predicted.margins, PREFILTER * request.count)
    images: list[SuggestedImage] = []
    if found.candidates:
        model = keras_files.read_model(Path(request.model.path), request.model.sha256)
        front = penultimate.with_features(model)
        compute = partial(_features, front, len(metadata.class_names))
        values = compute(search.images(found.candidates))
        rows = np.array([one.row for one in found.candidates])
        nearest = _nearest(run, request.known, compute, search, values)
        chosen = choose(values, predicted.margins[rows], request.count, request.seed)
        for place in chosen.tolist():
            candidate, names = found.candidates[place], metadata.class_names
            row = candidate.row
            images.append(
                SuggestedImage(
                    path=str(candidate.path),
                    sha256=candidate.sha256,
                    suggested=names[predicted.classes[row]],
                    probability=float(predicted.highest[row]),
                    second=names[predicted.seconds[row]],
                    margin=float(predicted.margins[row]),
                    nearest=names[nearest[place]] if nearest is not None else None,
                )
            )
    return Suggestions(
        images=tuple(images),
        class_names=metadata.class_names,
        examined=outcome.images,
        unreadable=outcome.failed,
        known=found.known,
        duplicates=found.duplicates,
        warnings=(*outcome.warnings, *(() if request.known else (_UNKNOWN,))),
    )


def _known(run: Run, model: ServedModel) -> DatasetFiles | None:
    """Return the data of the model's run, if its label table and images are in the cache."""
    trained = models.read_run(run.workspace, model)
    if trained is None or known_images.label_table(run.workspace, trained) is None:
        return None
    found = trained.records.ingest
    record = found.images.get("train")
    if record is None or not run.workspace.path(record.path).is_file():
        return None
    return found


def _features(model: Any, classes: int, blocks: Iterable[Pixels]) -> Floats:
    """Compute the features (n, d) of blocks of images with a model of `penultimate`."""
    return np.concatenate(
        [class_probabilities(model, images, BLOCK)[:, classes:] for images in blocks]
    )


def _nearest(
    run: Run,
    known: DatasetFiles | None,
    compute: Callable[[Iterable[Pixels]], Floats],
    search: Search,
    values: Floats,
) -> NDArray[np.int64] | None:
    """Return for each candidate the class whose mean training features are the most similar.

    Features are standardized by those of the training images, and compared by the cosine.
    """
    if known is None or search.training is None:
        return None
    sample = search.training
    count = min(len(sample), _MOST_TRAINING)
    places = np.linspace(0, len(sample) - 1, count).astype(np.int64)
    blocks = (sample[places[at : at + BLOCK]] for at in range(0, count, BLOCK))
    learned = compute(blocks)
    labels = read_labels(run.workspace, known, "train")[sample.rows[places]]
    mean, deviation = learned.mean(axis=0), learned.std(axis=0) + 1e-6
    learned, values = (learned - mean) / deviation, (values - mean) / deviation
    present = np.unique(labels)
    centers = np.stack([learned[labels == label].mean(axis=0) for label in present])
    lengths = np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-12)
    closest: NDArray[np.int64] = present[(values @ (centers / lengths).T).argmax(axis=1)]
    return closest
