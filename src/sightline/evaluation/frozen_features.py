"""The features of a run's frozen layers: what follows them predicts their images at little cost.

Those of the test split are float32: the predictions from them are those of the exported model, up
to rounding. The others are float16, which changes a probability by about 1e-4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.data.split_arrays import Rows
from sightline.records import ArraySet, DatasetFiles
from sightline.storage.npy import open_mapped
from sightline.storage.workspace import Workspace


@dataclass(frozen=True)
class ImageFeatures:
    """The features (n, ...) of the images of a split themselves, without those of their crops."""

    views: NDArray[np.floating[Any]]  # Mapped, (n, views, ...)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all features."""
        return (len(self), *self.views.shape[2:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the features."""
        return self.views.dtype

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.views)

    def __getitem__(self, rows: Rows, /) -> NDArray[Any]:
        """Read the features of some images."""
        return self.views[rows, 0]


class Part(NamedTuple):
    """Features of some images of a split as ingested."""

    split: str  # Name of that split
    rows: NDArray[np.int64]  # Their indexes in it, (n,)
    features: ImageFeatures


@dataclass(frozen=True)
class FrozenFeatures:
    """The features of all splits."""

    workspace: Workspace
    files: DatasetFiles
    arrays: ArraySet  # The splits that the features were computed of
    found: ArraySet

    def open(self, split: str) -> ImageFeatures:
        """Open the features of a split, in the order of its arrays."""
        path = self.workspace.root / self.found.splits[split].images.path
        return ImageFeatures(open_mapped(path))

    def parts(self) -> Iterator[Part]:
        """Yield the features by the images that they are of.

        Part of a split that preprocess copied is left out: which images it has is unknown.
        """
        stored = {images.sha256: name for name, images in self.files.images.items()}
        counts = {name: images.shape[0] for name, images in self.files.images.items()}
        for name, split in self.arrays.splits.items():
            source, features = stored.get(split.images.sha256, name), self.open(name)
            if split.rows is not None:
                rows = np.asarray(open_mapped(self.workspace.root / split.rows.path))
                yield Part(source, rows, features)
            elif len(features) == counts.get(source):
                yield Part(source, np.arange(len(features)), features)
