"""The model under test and what it is tested on."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sightline.config import EvaluationConfig
from sightline.data.label_table import Labels, read_labels
from sightline.evaluation.predictions import Images
from sightline.evaluation.predictions_table import Floats
from sightline.models import keras_files
from sightline.records import ArraySet, DatasetFiles, Run, TrainedModel
from sightline.storage.npy import open_mapped

_BATCH_BYTES = 8 << 20
"""A prediction step takes no more, since the activations of large images are far larger."""


@dataclass(frozen=True)
class Subject:
    """A model with the test split.

    Attributes:
        model: As exported, from uint8 images to probabilities.
        network: The same from float32 images in [0, 1].
        raw: Test images, uint8 of shape (n, height, width, channels), mapped.
        images: The same, prepared: float32 in [0, 1].
        labels: int16 of shape (n,).
        batch_size: Images a prediction step.
    """

    model: keras.Model
    network: keras.Model
    raw: Images
    images: Floats
    labels: Labels
    batch_size: int

    def predict(self, images: NDArray[Any]) -> Floats:
        """Return the class probabilities of prepared images, (m, num_classes)."""
        return class_probabilities(self.network, images, self.batch_size)

    def serve(self, raw: NDArray[Any]) -> Floats:
        """Return the class probabilities of raw images, as whoever uses the model gets them."""
        return class_probabilities(self.model, raw, self.batch_size)


def load(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    trained: TrainedModel,
    settings: EvaluationConfig,
) -> Subject:
    """Load the exported model and open the test split.

    Args:
        run: Gives the artifacts root.
        files: Gives the raw images and the labels.
        arrays: Gives the prepared images.
        trained: The exported model.
        settings: Batch size.

    Raises:
        ModelFileError: The model's file is not the one that was exported.
    """
    model = keras_files.read_model(run.workspace.root / trained.model.path, trained.model.sha256)
    images = open_mapped(run.workspace.root / arrays.splits["test"].images.path)
    return Subject(
        model=model,
        network=keras_files.without_preprocessing(model),
        raw=open_mapped(run.workspace.root / files.images["test"].path),
        images=images,
        labels=read_labels(run.workspace, files, "test"),
        batch_size=min(settings.batch_size, max(1, _BATCH_BYTES // int(images[0].nbytes))),
    )


def class_probabilities(model: keras.Model, images: NDArray[Any], batch_size: int) -> Floats:
    """Predict batch by batch: `predict` makes an input pipeline, whose tuner it may wait for.

    Args:
        model: Takes what the images are.
        images: Of shape (n, height, width, channels).
        batch_size: Most images at a time.

    Returns:
        The class probabilities, (n, num_classes).
    """
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [model.predict_on_batch(np.asarray(images[at : at + batch_size])) for at in starts]
    )
