"""Encoded images in one file, decoded whenever they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.images import EncodedImage, decode_pixels
from sightline.data.readers.base import Form


@dataclass(frozen=True)
class EncodedImages:
    """Images of such a file: uint8 of shape (n, height, width, channels)."""

    path: Path
    offsets: NDArray[np.int64]  # Shape (n + 1,): the byte where each image starts, and the end
    form: Form

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all decoded images."""
        return (len(self), *self.form.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any], /) -> NDArray[np.uint8]:
        """Decode some images, in several threads."""
        numbers = np.arange(len(self))[rows]
        if not len(numbers):
            return np.empty((0, *self.form.shape), np.uint8)
        content = np.memmap(self.path, np.uint8, "r")

        def encoded(row: int) -> EncodedImage:
            data = content[self.offsets[row] : self.offsets[row + 1]].tobytes()
            return EncodedImage(f"image {row} of {self.path}", data)

        return decode_pixels(map(encoded, numbers.tolist()), self.form)
