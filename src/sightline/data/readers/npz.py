"""Stream the images and labels of an `.npz` archive; nothing is ever unpickled."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers import content, labels, npy, npz_archive, npz_labels, unlabelled
from sightline.data.readers.base import (
    MAX_IMAGE_BYTES,
    Origin,
    RawDataset,
    RawSplit,
    raw_blocks,
    to_pixels,
)
from sightline.data.readers.npz_names import find_arrays
from sightline.data.readers.pixel_scale import deep_white, find_scale
from sightline.errors import DataError

Arrays = dict[str, npz_archive.Array]

_MAX_LABEL_BYTES = 8 << 10  # one-hot rows of 1,000 classes as float64 have 8,000


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read `x_train`, `y_train` and those of other splits; or `train_images` and `train_labels`.

    Images have the shape (n, h, w), (n, h, w, 1) or (n, h, w, 3). Raises DataError if the archive
    is damaged or pickled, or an array is missing or has the wrong shape, dtype or values. Images
    from 0 to 1 or from -1 to 1 are brought to 0 to 255, with a note.
    """
    path = layout.files[UNSPLIT][0]
    images, stated, left_out = _open(path)
    given = {name: npz_labels.read_labels(stated[name], images[name]) for name in stated}
    npz_labels.check_widths([*stated.values()])
    found, notes = unlabelled.leave_out(given)
    class_names, numbers = labels.encode([*found.values()])
    shape = npy.image_shape(images["train"].subject, images["train"].shape)
    kept = [images[name] for name in found]
    scale = find_scale([partial(npz_archive.blocks, array) for array in kept], settings.white)

    def pixels(array: npz_archive.Array) -> Iterator[NDArray[np.uint8]]:
        values = npz_archive.blocks(array)
        return to_pixels(scale.levels(values) if scale else values, array.subject, shape)

    def split(name: str, array: npz_archive.Array, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name,
            split_labels,
            place=f"array {array.name}",
            images=lambda: raw_blocks(pixels(array)),
            source=lambda row: f"{array.name}#{row}",
        )

    notes = (*layout.notes, *left_out, *notes, *([scale.note] if scale else ()))
    splits = tuple(map(split, found, kept, numbers))
    origin = Origin("NPZ archive", npz_labels.describe(stated["train"]))
    return RawDataset(class_names, shape, splits, origin, notes, white=deep_white(scale))


def _open(path: Path) -> tuple[Arrays, Arrays, tuple[str, ...]]:
    """Return images and labels of each split, by the headers of the arrays, and notes."""
    content.check_head(path)
    names = npz_archive.array_names(path)
    splits = find_arrays(path, names)

    def opened(name: str, max_bytes: int) -> npz_archive.Array:
        return npz_archive.open_array(path, name, names, max_bytes)

    images, stated, notes = {}, {}, []
    for split, arrays in splits.items():
        array = opened(arrays.images, MAX_IMAGE_BYTES)
        if arrays.labels is None:
            notes.append(unlabelled.describe(split, array.shape[0]))
            continue
        array.check_dtype("iufb", "integers from 0 to 255")
        images[split], stated[split] = array, opened(arrays.labels, _MAX_LABEL_BYTES)
    shapes = {array.name: npy.image_shape(array.subject, array.shape) for array in images.values()}
    if len({*shapes.values()}) > 1:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(
            f"{path}: expected one height, width and number of channels in all splits, found "
            f"{found}; resize or convert one of them."
        )
    return images, stated, tuple(notes)
