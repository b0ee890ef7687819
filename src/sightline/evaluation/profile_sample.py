"""A random sample of the test images: what images that the model meets later are compared with."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.scaling import to_float
from sightline.data.split_arrays import StoredImages
from sightline.evaluation.frozen_features import FrozenFeatures
from sightline.evaluation.model_under_test import Context, ModelUnderTest, class_probabilities
from sightline.evaluation.predictions_table import Floats
from sightline.records import FileRecord

PROFILE = "profile.parquet"
"""Name of the table in the results of evaluate, in run folders and in versions."""

IMAGES = 1000  # Most images of a sample
_WIDTH = 64  # Features are projected to so many numbers
COLUMNS = pa.schema(
    [
        pa.field("predicted", pa.int16()),
        pa.field("confidence", pa.float32()),
        pa.field("brightness", pa.float32()),
        pa.field("contrast", pa.float32()),
        pa.field("features", pa.list_(pa.float32())),
    ]
)
"""One row an image.

- `predicted`, `confidence`: number of the most probable class in label order, its probability.
- `brightness`, `contrast`: mean and standard deviation of its pixels, 0 to 255.
- `features`: of the image in the network, see `project`.
"""


class Sample(NamedTuple):
    """n images as such a table has them."""

    predicted: NDArray[np.int64]  # (n,)
    confidence: Floats  # (n,), as the next two
    brightness: Floats
    contrast: Floats
    features: Floats  # (n, width)


class FeatureSample:
    """Predicts the test images and keeps the features of at most 1,000 of them, drawn at random.

    `images` are what it predicts: prepared images, or the float32 features of the frozen layers.
    """

    def __init__(self, tested: ModelUnderTest, frozen: FrozenFeatures | None = None) -> None:
        """Draw the images."""
        from sightline.models import backbone, penultimate  # imports Keras

        count = len(tested.labels)
        chosen = np.random.default_rng(0).choice(count, min(IMAGES, count), replace=False)
        self.rows = np.sort(chosen)  # int64 (m,), indexes in the test split
        self._classes = len(tested.files.class_names)
        self._network = penultimate.joined(tested.network)
        self.images: StoredImages = tested.images
        self._batch_size = tested.batch_size
        if frozen is not None:
            self._network = backbone.tail(self._network, str(frozen.found.last_frozen))
            self.images, self._batch_size = frozen.open("test"), tested.settings.batch_size
        self._seen, self._kept = 0, list[Floats]()

    def predict(self, images: NDArray[Any]) -> Floats:
        """Return the class probabilities of the next of the images, (m, num_classes)."""
        classes, found = self._classes, []
        for start in range(0, len(images), self._batch_size):
            batch = to_float(images[start : start + self._batch_size])
            both = class_probabilities(self._network, batch, self._batch_size)
            rows = self.rows - self._seen
            self._kept.append(both[rows[(rows >= 0) & (rows < len(batch))], classes:])
            self._seen += len(batch)
            found.append(both[:, :classes])
        return np.concatenate(found)

    @property
    def features(self) -> Floats:
        """The features of the sample, (m, width), once all images are predicted."""
        return np.concatenate(self._kept)


def measure(context: Context) -> FileRecord:
    """Write the table of a sample of the test images."""
    found, rows = context.predictions, context.sample.rows
    features = project(context.sample.features)
    brightness, contrast = appearance(context.tested.raw[rows])
    sample = Sample(found.predicted[rows], found.confidence[rows], brightness, contrast, features)
    pq.write_table(to_arrow(sample), context.draft.path(PROFILE), write_page_checksum=True)
    return context.draft.record(PROFILE)


def appearance(images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return brightness and contrast of each image, both (m,): mean and deviation of its pixels."""
    flat = images.reshape(len(images), -1)
    deviations = np.array([row.std() for row in flat], np.float32)  # without a float64 of all
    return flat.mean(axis=1, dtype=np.float64).astype(np.float32), deviations


def project(features: Floats) -> Floats:
    """Project features (m, width) to at most 64 numbers an image, which keeps their distances.

    D. Achlioptas, "Database-friendly random projections" (2003). The signs come from SHAKE-128, so
    that they are the same with every version of NumPy.
    """
    width = features.shape[1]
    if width <= _WIDTH:
        return features
    bits = hashlib.shake_128(b"sightline").digest(width * _WIDTH // 8)
    signs = 2 * np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.float32) - 1
    projected: Floats = features @ signs.reshape(width, _WIDTH) / np.float32(np.sqrt(_WIDTH))
    return projected


def to_arrow(sample: Sample) -> pa.Table:
    """Convert a sample to a table."""
    columns = [pa.array(list(column) if column.ndim > 1 else column) for column in sample]
    return pa.table(
        [one.cast(field.type) for one, field in zip(columns, COLUMNS, strict=True)], COLUMNS
    )


def of_arrow(table: pa.Table) -> Sample:
    """Convert a table, or one with more columns, to a sample."""
    predicted, confidence, brightness, contrast = (
        table[name].to_numpy() for name in COLUMNS.names[:-1]
    )
    flat = table["features"].combine_chunks().flatten().to_numpy()
    features = flat.reshape(table.num_rows, -1)
    return Sample(predicted.astype(np.int64), confidence, brightness, contrast, features)


def read(path: Path) -> Sample:
    """Read the table of a model."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return of_arrow(file.read())
