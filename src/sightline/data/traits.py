"""What the choice of a recipe depends on: number, size and color of the images, and the splits."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import NamedTuple

import numpy as np

from sightline.config import DataConfig
from sightline.data.decoding import images
from sightline.data.decoding.images import EncodedImage
from sightline.data.labelling import image_labels
from sightline.data.layout import Layout
from sightline.data.readers import folder
from sightline.data.readers.dispatch import READERS
from sightline.data.remote.remote_path import HEADER
from sightline.data.splits import roles

_SAMPLE = 200  # Images whose headers are read


class Traits(NamedTuple):
    """What the choice depends on."""

    per_class: tuple[int, ...]  # Training images, including those that will be held out
    height: int  # Median in pixels, like `width`
    width: int
    gray: bool
    splits: tuple[str, ...]

    @property
    def images(self) -> int:
        """Number of training images."""
        return sum(self.per_class)


def read_traits(layout: Layout, settings: DataConfig) -> Traits:
    """Read what the choice depends on."""
    if layout.kind == "folder":
        labels, _ = image_labels.find_labels(layout, settings)
        splits = tuple(roles(list(labels)).values())
        paths = next(iter(layout.files.values()))
        counts = tuple(Counter(next(iter(labels.values()))).values())
        sample = folder.encoded(paths[:: -(-len(paths) // _SAMPLE)], HEADER)
        return _traits(counts, sample, splits)
    raw = READERS[layout.kind](layout, settings)
    splits = tuple(roles([split.name for split in raw.splits]).values())
    counts = tuple(np.bincount(raw.splits[0].labels).tolist())
    if stream := raw.splits[0].encoded:
        return _traits(counts, islice(stream(), _SAMPLE), splits)
    height, width, channels = raw.image_shape
    return Traits(counts, height, width, channels == 1, splits)


def _traits(
    counts: tuple[int, ...], sample: Iterator[EncodedImage], splits: tuple[str, ...]
) -> Traits:
    headers = [images.read_header(image) for image in sample]
    height, width = (int(median(header.size[axis] for header in headers)) for axis in (0, 1))
    return Traits(counts, height, width, all(one.grey for one in headers), splits)
