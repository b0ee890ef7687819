"""The model under test and the test split."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import EvaluationConfig
from sightline.data.label_table import Labels, read_labels
from sightline.data.scaling import to_float
from sightline.data.split_arrays import StoredImages, open_images, open_split
from sightline.evaluation.depth import Cost, Limits, limits
from sightline.evaluation.frozen_features import FrozenFeatures
from sightline.evaluation.predictions import Predict, Predictions
from sightline.evaluation.predictions_table import Floats
from sightline.pipeline.cache import Draft
from sightline.records import ArraySet, DatasetFiles, ModelFile, Run, TrainedModel
from sightline.storage.workspace import Workspace

if TYPE_CHECKING:
    import keras

    from sightline.evaluation.profile_sample import FeatureSample

_BATCH_BYTES = 8 << 20
"""Most bytes of images a prediction step: the activations of large images are far larger."""


@dataclass(frozen=True)
class ModelUnderTest:
    """A model with all that a measure may need."""

    run: Run
    files: DatasetFiles
    arrays: ArraySet
    settings: EvaluationConfig
    limits: Limits
    model: "keras.Model"  # The exported model, from uint8 images to probabilities
    network: "keras.Model"  # The same from float32 images in [0, 1]
    raw: StoredImages  # Test images, uint8 of shape (n, height, width, channels)
    images: StoredImages  # The same as training arrays: uint8, or float32 in [0, 1]
    labels: Labels  # int16 of shape (n,)
    batch_size: int  # Images a prediction step
    features: FrozenFeatures | None = None  # None if no layer was frozen
    tail: "keras.Model | None" = None  # The layers after those, from features to probabilities

    @property
    def workspace(self) -> Workspace:
        """Where the files are."""
        return self.run.workspace

    def predict(self, images: NDArray[Any]) -> Floats:
        """Return the class probabilities of prepared images, (m, num_classes)."""
        return class_probabilities(self.network, to_float(images), self.batch_size)

    def predict_raw(self, images: NDArray[Any]) -> Floats:
        """Return the class probabilities of raw images, as users of the exported model do."""
        return class_probabilities(self.model, images, self.batch_size)

    def predict_features(self, features: NDArray[Any]) -> Floats:
        """Return the class probabilities of images by their features, (m, ...)."""
        assert self.tail is not None  # noqa: S101 - features come from there
        values = features.astype(np.float32)
        return class_probabilities(self.tail, values, self.settings.batch_size)

    def fastest(self, split: str) -> tuple[Predict, StoredImages]:
        """Return the fastest way to predict a split, and what to predict by it."""
        if self.features is None:
            return self.predict, open_split(self.workspace, self.arrays.splits[split])
        return self.predict_features, self.features.open(split)


@dataclass(frozen=True)
class Context:
    """What every measure is given; `draft` takes its files and has the predictions table."""

    tested: ModelUnderTest
    predictions: Predictions
    draft: Draft
    sample: "FeatureSample"


def load(
    run: Run,
    files: DatasetFiles,
    arrays: ArraySet,
    exported: ModelFile,
    settings: EvaluationConfig,
    trained: TrainedModel | None = None,
    features: ArraySet | None = None,
) -> ModelUnderTest:
    """Load the exported model and open the test split.

    Raises ModelFileError if the model's file differs from the exported one.
    """
    from sightline.evaluation import saliency
    from sightline.models import backbone, keras_files
    from sightline.models.cost import multiplications

    model = keras_files.read_model(Path(exported.path), exported.sha256)
    network, frozen, tail = keras_files.without_preprocessing(model), None, None
    if features is not None and features.last_frozen is not None:
        tail = backbone.tail(network, features.last_frozen)
        frozen = FrozenFeatures(run.workspace, files, arrays, features)
    image = multiplications(network)
    of_features = multiplications(tail) if tail else image
    cost = Cost(image, of_features, saliency.multiplications_of_a_map(network, image))
    most = _BATCH_BYTES // (4 * math.prod(files.image_shape))
    return ModelUnderTest(
        run=run,
        files=files,
        arrays=arrays,
        settings=settings,
        limits=limits(settings, arrays, cost, trained, features),
        model=model,
        network=network,
        raw=open_images(run.workspace, files.images["test"]),
        images=open_split(run.workspace, arrays.splits["test"]),
        labels=read_labels(run.workspace, files, "test"),
        batch_size=min(settings.batch_size, max(1, most)),
        features=frozen,
        tail=tail,
    )


def class_probabilities(model: "keras.Model", images: NDArray[Any], batch_size: int) -> Floats:
    """Predict the class probabilities (n, num_classes) of images in batches, without TF32.

    `model.predict` is avoided: it builds a tf.data pipeline whose autotuner may block.
    """
    from sightline.training.precision import exact_float32  # imports Keras

    starts = range(0, len(images), batch_size)
    with exact_float32():  # of this thread alone, if Keras runs on JAX
        return np.concatenate(
            [model.predict_on_batch(np.asarray(images[at : at + batch_size])) for at in starts]
        )
