"""Stream the images and labels of an `.npz` archive; nothing is ever unpickled."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers import content, labels, npy, npz_archive, npz_labels
from sightline.data.readers.base import (
    MAX_IMAGE_BYTES,
    RawDataset,
    RawSplit,
    raw_blocks,
    to_pixels,
)
from sightline.data.readers.npz_names import find_arrays
from sightline.data.readers.pixel_scale import find_scale
from sightline.errors import DataError

_MAX_LABEL_BYTES = 8 << 10  # one-hot rows of 1,000 classes as float64 have 8,000


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read `x_train`, `y_train` and those of other splits; or `train_images` and `train_labels`.

    Images have the shape (n, h, w), (n, h, w, 1) or (n, h, w, 3). Raises DataError if the archive
    is damaged or pickled, or an array is missing or has the wrong shape, dtype or values. Images
    from 0 to 1 or from -1 to 1 are brought to 0 to 255, with a note.
    """
    path = layout.files[UNSPLIT][0]
    splits, images, stated = _open(path)
    found = list(map(npz_labels.read_labels, stated, images))
    npz_labels.check_widths(stated)
    class_names, numbers = labels.encode(found)
    shape = npy.image_shape(images[0].subject, images[0].shape)
    scale = find_scale(images)

    def pixels(array: npz_archive.Array) -> Iterator[NDArray[np.uint8]]:
        values = npz_archive.blocks(array)
        return to_pixels(scale.levels(values) if scale else values, array.subject, shape)

    def split(name: str, array: npz_archive.Array, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name if len(splits) > 1 else UNSPLIT,
            split_labels,
            images=lambda: raw_blocks(pixels(array)),
            source=lambda row: f"{array.name}#{row}",
        )

    notes = (*layout.notes, *([scale.note] if scale else ()))
    return RawDataset(class_names, shape, tuple(map(split, splits, images, numbers)), notes)


def _open(path: Path) -> tuple[list[str], list[npz_archive.Array], list[npz_archive.Array]]:
    """Return the names, images and labels of the splits, by the headers of the arrays."""
    content.check_head(path)
    names = npz_archive.array_names(path)
    splits = find_arrays(path, names)

    def opened(name: str, max_bytes: int) -> npz_archive.Array:
        return npz_archive.open_array(path, name, names, max_bytes)

    images = [opened(one.images, MAX_IMAGE_BYTES) for one in splits.values()]
    stated = [opened(one.labels, _MAX_LABEL_BYTES) for one in splits.values()]
    shapes = {npy.image_shape(array.subject, array.shape) for array in images}
    for array in images:
        array.check_dtype("iuf", "integers from 0 to 255")
    if len(shapes) > 1:
        raise DataError(f"{path}: its splits differ in their image shape: {shapes}.")
    return list(splits), images, stated
