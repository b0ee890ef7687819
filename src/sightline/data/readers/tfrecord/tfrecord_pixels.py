"""Raw pixels in TFRecord examples, one byte per value, beside their height, width and depth."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data.decoding import image_kinds
from sightline.data.decoding.images import EncodedImage
from sightline.data.readers.base import Shape, rows_in_block
from sightline.data.readers.pixel_layout import shape_of_row
from sightline.data.readers.tfrecord.tfrecord_example import EMPTY, Feature
from sightline.data.readers.tfrecord.tfrecord_keys import Keys
from sightline.errors import DataError

_CHANNELS = (1, 3)


@dataclass
class PixelSurvey:
    """Finds whether all images are raw pixels, and in which shape."""

    keys: Keys
    settings: DataConfig
    shapes: dict[Shape, str] = field(default_factory=dict)  # With the name of their first record
    encoded: int = 0  # Images that start like an encoded one
    unknown: str = ""  # Sentence on the first image that is neither

    def add(self, name: str, features: Mapping[str, Feature], data: bytes) -> None:
        """Look at the image of a record."""
        sizes = [_integer(features.get(key or "", EMPTY)) for key in self.keys.sizes]
        head = data[: image_kinds.HEAD_BYTES]
        if shape := self._shape(sizes, data):
            self.shapes.setdefault(shape, name)
        elif image_kinds.is_image_head(head, ""):
            self.encoded += 1
        else:
            stated = " x ".join(str(size) for size in sizes if size) or "unknown size"
            self.unknown = self.unknown or (
                f"{name}: expected an encoded image or 8-bit pixels ({stated}), found "
                f"{len(data):,} other bytes; write one byte per value."
            )

    def shape(self) -> Shape | None:
        """Return the shape of all images if they are raw pixels, None if they are encoded.

        Raises DataError if they are neither, or have several shapes.
        """
        if self.encoded:
            return None
        if self.unknown:
            raise DataError(self.unknown)
        if len(self.shapes) > 1:
            (first, _), (second, name) = list(self.shapes.items())[:2]
            raise DataError(
                f"{name}: its pixels have the shape {'x'.join(map(str, second))}, but others "
                f"{'x'.join(map(str, first))}; write pixels of one size, or encoded images."
            )
        return next(iter(self.shapes), None)

    def _shape(self, sizes: list[int | None], data: bytes) -> Shape | None:
        height, width, depth = sizes
        if height and width:
            for channels in (depth,) if depth else _CHANNELS:
                if channels in _CHANNELS and math.prod((height, width, channels)) == len(data):
                    return height, width, channels
            return None
        if image_kinds.is_image_head(data[: image_kinds.HEAD_BYTES], ""):
            return None
        return shape_of_row(len(data), self.settings)


def read_pixels(images: Iterator[EncodedImage], shape: Shape) -> Iterator[NDArray[np.uint8]]:
    """Yield arrays of shape (m, height * width * channels).

    Raises DataError for an image without as many values.
    """
    size = math.prod(shape)
    while block := list(islice(images, rows_in_block(size))):
        for image in block:
            if isinstance(image.data, DataError):
                raise image.data
            if not isinstance(image.data, bytes) or len(image.data) != size:
                raise DataError(f"{image.name} changed while it was read; start again.")
        content = b"".join(image.data for image in block if isinstance(image.data, bytes))
        yield np.frombuffer(content, np.uint8).reshape(-1, size)


def _integer(feature: Feature) -> int | None:
    values = feature.first(1) if feature.kind == "int64" else []
    return values[0] if values and isinstance(values[0], int) and values[0] > 0 else None
