"""Open the arrays of a split: images that are read by row, and labels as class numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.encoded_images import EncodedImages
from sightline.data.label_table import Labels
from sightline.data.readers.base import Form
from sightline.records import ArrayFile, ArraySplit, ImagesFile
from sightline.storage.npy import BLOCK_BYTES, open_mapped, read_blocks
from sightline.storage.workspace import Workspace

Rows = slice | Sequence[int] | NDArray[np.integer[Any]]


class StoredImages(Protocol):
    """Images (n, height, width, channels) on disk; indexing with several rows reads them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all images."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, rows: Rows, /) -> NDArray[Any]:
        """Read some images as an array (m, height, width, channels)."""


@dataclass(frozen=True)
class SelectedImages:
    """Some rows of stored images, in the order of the rows."""

    images: StoredImages
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the selected images."""
        return (len(self.rows), *self.images.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self.images.dtype

    def __len__(self) -> int:
        """Return the number of selected images."""
        return len(self.rows)

    def __getitem__(self, rows: Rows, /) -> NDArray[Any]:
        """Read some of the selected images."""
        return self.images[self.rows[rows]]


def open_images(workspace: Workspace, record: ImagesFile) -> StoredImages:
    """Open images without reading them."""
    path = workspace.root / record.path
    if isinstance(record, ArrayFile):
        return open_mapped(path)
    height, width, channels = record.shape[1:]
    form = Form((height, width, channels), record.resize, white=record.white)
    return EncodedImages(path, open_mapped(workspace.root / record.offsets.path), form)


def open_split(workspace: Workspace, split: ArraySplit) -> StoredImages:
    """Open the images of a split without reading them; see `ArraySplit.images`."""
    images = open_images(workspace, split.images)
    if split.rows is None:
        return images
    return SelectedImages(images, open_mapped(workspace.root / split.rows.path))


def read_split_labels(workspace: Workspace, split: ArraySplit) -> Labels:
    """Read the labels of a split, int16 (n,), values from 0 to num_classes - 1."""
    blocks = read_blocks(workspace.root / split.labels.path)
    found = (block if block.ndim == 1 else block.argmax(axis=1) for block in blocks)
    return np.concatenate(list(found)).astype(np.int16)


def blocks(images: StoredImages) -> Iterator[slice]:
    """Yield the rows of images that are held in memory at once, about 8 MiB, in order."""
    row_bytes = int(np.prod(images.shape[1:])) * images.dtype.itemsize
    rows = max(1, BLOCK_BYTES // row_bytes)
    for start in range(0, len(images), rows):
        yield slice(start, min(start + rows, len(images)))
