"""Stream the images and labels of an `.npz` archive; nothing is ever unpickled."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.image_folders import left_out
from sightline.data.labelling import labels, unlabelled
from sightline.data.layout import UNSPLIT, Layout
from sightline.data.readers import content
from sightline.data.readers.base import (
    MAX_IMAGE_BYTES,
    Origin,
    RawDataset,
    RawSplit,
    raw_blocks,
    to_pixels,
)
from sightline.data.readers.npz import npy, npz_archive, npz_labels
from sightline.data.readers.npz.npz_names import find_arrays
from sightline.data.readers.pixel_layout import PixelLayout, find_row_layout, shape_of_row
from sightline.data.readers.pixel_scale import deep_white, describe_dark, find_scale
from sightline.errors import DataError
from sightline.storage.text import quoted

Arrays = dict[str, npz_archive.Array]

_MAX_NAME = 60
_MAX_LABEL_BYTES = 8 << 10  # one-hot rows of 1,000 classes as float64 have 8,000


def read(layout: Layout, settings: DataConfig) -> RawDataset:
    """Read `x_train`, `y_train` and those of other splits, or arrays of other usual names.

    Images have the shape (n, h, w), (n, h, w, c) or (n, c, h, w) with 1 or 3 channels, or are rows
    of a square image, (n, h * w * c). Raises DataError if the archive is damaged or pickled, or an
    array is missing or has the wrong shape, dtype or values. Images from 0 to 1 or from -1 to 1 are
    brought to 0 to 255, with a note.
    """
    path = layout.files[UNSPLIT][0]
    images, stated, others = _open(path)
    order = _find_layout(images, settings)
    shape = order.shape
    given = {name: npz_labels.read_labels(stated[name], images[name]) for name in stated}
    npz_labels.check_widths([*stated.values()])
    found = unlabelled.leave_out(given)
    class_names, numbers = labels.encode([*found.values()])
    kept = [images[name] for name in found]
    values = [partial(npz_archive.blocks, array) for array in kept]
    scale = find_scale(values, settings.white)

    def pixels(array: npz_archive.Array) -> Iterator[NDArray[np.uint8]]:
        stored = npz_archive.blocks(array)
        arranged = order.arrange(scale.levels(stored) if scale else stored)
        return to_pixels(arranged, array.subject, shape)

    def split(name: str, array: npz_archive.Array, split_labels: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name,
            split_labels,
            place=f"array {array.name}",
            images=lambda: raw_blocks(pixels(array)),
            source=lambda row: f"{array.name}#{row}",
        )

    scaled = (scale.note,) if scale else describe_dark(values)
    notes = (*layout.notes, *others, *labels.describe_normalized(found.values()), *order.notes)
    return RawDataset(
        class_names,
        shape,
        tuple(map(split, found, kept, numbers)),
        Origin("NPZ archive", npz_labels.describe(stated["train"])),
        (*notes, *scaled),
        white=deep_white(scale),
        unlabelled=tuple(
            split(name, array, unlabelled.no_labels(array.shape[0]))
            for name, array in images.items()
            if name not in found
        ),
    )


def _open(path: Path) -> tuple[Arrays, Arrays, tuple[str, ...]]:
    """Return images and labels of each split, by the headers of the arrays, and notes."""
    content.check_head(path)
    names = npz_archive.array_names(path)
    splits = find_arrays(path, names)

    def opened(name: str, max_bytes: int) -> npz_archive.Array:
        return npz_archive.open_array(path, name, names, max_bytes)

    used = {name for arrays in splits.values() for name in arrays}
    images, stated = {}, {}
    for split, arrays in splits.items():
        images[split] = opened(arrays.images, MAX_IMAGE_BYTES)
        images[split].check_dtype("iufb", "integers from 0 to 255")
        if arrays.labels is not None:
            stated[split] = opened(arrays.labels, _MAX_LABEL_BYTES)
    return images, stated, left_out([quoted(name, _MAX_NAME) for name in sorted(names - used)])


def _find_layout(images: Arrays, settings: DataConfig) -> PixelLayout:
    """Return how the images of all splits lie in their arrays; raise DataError if they differ."""
    train = images["train"]
    layouts = {array.name: _layout(array, settings) for array in images.values()}
    if len({*layouts.values()}) > 1:
        found = ", ".join(f"{name} {layout.shape}" for name, layout in layouts.items())
        raise DataError(
            f"{train.path}: expected one height, width and number of channels in all splits, found "
            f"{found}; resize or convert one of them."
        )
    if len(train.shape) == 2:  # noqa: PLR2004
        return find_row_layout(npz_archive.blocks(train), layouts[train.name].shape)
    return layouts[train.name]


def _layout(array: npz_archive.Array, settings: DataConfig) -> PixelLayout:
    if len(array.shape) == 2 and (shape := shape_of_row(array.shape[1], settings)):  # noqa: PLR2004
        return PixelLayout(shape)
    shape = npy.image_shape(array.subject, array.shape)
    return PixelLayout(shape, npy.is_channels_first(array.shape))
