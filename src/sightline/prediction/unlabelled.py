"""The stage predict: predict the splits without labels with the trained model."""

import os
from collections.abc import Iterator
from dataclasses import replace

from sightline.config import DataConfig
from sightline.data.locate import unchanged
from sightline.data.readers import dispatch
from sightline.data.readers.base import Form
from sightline.pipeline.cache import Draft, find_or_make
from sightline.pipeline.stages import KERAS, Stage
from sightline.prediction import stream
from sightline.prediction.records import Input, Request, ServedModel
from sightline.prediction.stream import Block
from sightline.records import (
    DatasetFiles,
    ModelMetadata,
    Run,
    Source,
    TrainedModel,
    UnlabelledPredictions,
)
from sightline.records.unlabelled import PREDICTIONS


def predict(
    run: Run, source: Source, settings: DataConfig, files: DatasetFiles, trained: TrainedModel
) -> UnlabelledPredictions:
    """Predict the images without labels, in the order of their source. Runs in the Keras process.

    The images are read from their source, as a stream. The row of an image that cannot be read has
    the reason.

    Raises:
        DataError: The source changed or is damaged.
        StorageError: The disk has too little room.
    """

    def make(draft: Draft) -> UnlabelledPredictions:
        from sightline.prediction import keras_side  # imports Keras

        request = Request(
            inputs=tuple(
                Input(name=name, path=source.path, kind="split", images=images)
                for name, images in files.unlabelled.items()
            ),
            model=_served(run, files, trained),
            table=str(draft.path(PREDICTIONS)),
            format="csv",
        )
        with unchanged(source):
            outcome = keras_side.predict(
                request, lambda form, size: _read(run, source, settings, form, size)
            )
        return UnlabelledPredictions(
            table=draft.record(PREDICTIONS),
            images=outcome.images,
            failed=outcome.failed,
            classes=outcome.classes,
            warnings=outcome.warnings,
        )

    return find_or_make(run, PREDICT, PREDICT.key(source, settings, files, trained), make)


PREDICT = Stage(
    predict,
    (*KERAS, "pillow", "pyarrow", "simplejpeg"),
    optional={"pi-heif": lambda source, *_: source.heic},
)


def _served(run: Run, files: DatasetFiles, trained: TrainedModel) -> ServedModel:
    return ServedModel(
        name=run.id,
        path=str(run.workspace.root / trained.model.path),
        sha256=trained.model.sha256,
        metadata=ModelMetadata.of(files),
        profile=files.inspection.profiles["train"] if files.inspection else None,
    )


def _read(run: Run, source: Source, settings: DataConfig, form: Form, size: int) -> Iterator[Block]:
    """Read the splits without labels; errors do not name the folder of the data set."""
    raw, _ = dispatch.open_source(run, source, settings)
    folders = (f"{source.path}{os.sep}", f"{os.path.dirname(source.path)}{os.sep}")
    for split in raw.unlabelled:
        for block in stream.read_split(split, form, size):
            errors = {
                row: error.replace(folders[0], "").replace(folders[1], "")
                for row, error in block.errors.items()
            }
            yield replace(block, errors=errors)
