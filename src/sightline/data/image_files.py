"""The files in which ingest stores the images of a split."""

import hashlib
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sightline.data.decoding.conform import conform
from sightline.data.decoding.encoded_images import EncodedImages
from sightline.data.readers.base import Form, RawBlock
from sightline.pipeline.cache import Draft
from sightline.records import ArrayFile, EncodedFile, ImagesFile
from sightline.storage import npy
from sightline.storage.npy import ArrayWriter

Pixels = NDArray[np.uint8]


class ImageWriter(AbstractContextManager["ImageWriter", None], Protocol):
    """Writes the images of a split."""

    def append(self, block: RawBlock) -> Pixels:
        """Write images; return them in their form, (m, height, width, channels)."""

    def read(self, rows: NDArray[np.int64]) -> Pixels:
        """Read images from the finished file."""

    def record(self) -> ImagesFile:
        """Return the record of the finished file."""


class PixelWriter(ImageWriter):
    """Writes decoded images to an NPY file."""

    def __init__(self, draft: Draft, split: str, count: int, form: Form) -> None:
        """Open the file for so many images."""
        self._draft, self._form = draft, form
        path = draft.path(f"images_{split}.npy")
        self._writer = ArrayWriter(path, (count, *form.shape), "uint8")

    def append(self, block: RawBlock) -> Pixels:
        """Write images; return them in their form."""
        images = conform(block.images, self._form.shape, self._form.resize)
        self._writer.append(images)
        return images

    def read(self, rows: NDArray[np.int64]) -> Pixels:
        """Read images from the finished file."""
        return npy.read_rows(self._writer.path, rows)

    def record(self) -> ArrayFile:
        """Return the record of the finished file."""
        return self._draft.array_record(self._writer)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Close the file; raise a StageError if images are missing."""
        self._writer.__exit__(kind, *error)


class EncodedWriter(ImageWriter):
    """Writes encoded images one after the other, and where each starts."""

    def __init__(self, draft: Draft, split: str, form: Form) -> None:
        """Open the file."""
        self._draft, self._split, self._form = draft, split, form
        self._path = draft.path(f"images_{split}.bin")
        self._file = self._path.open("wb")
        self._digest = hashlib.sha256()
        self._sizes = [0]

    def append(self, block: RawBlock) -> Pixels:
        """Write the encoded images, which the block must hold; return the decoded ones."""
        if block.encoded is None:
            raise ValueError("The block holds no encoded images.")
        for content in block.encoded:
            self._digest.update(content)
            self._file.write(content)
            self._sizes.append(len(content))
        return block.images

    def read(self, rows: NDArray[np.int64]) -> Pixels:
        """Read images from the finished file."""
        return EncodedImages(self._path, self._offsets(), self._form)[rows]

    def record(self) -> EncodedFile:
        """Write the offsets; return the record of the finished file."""
        offsets = self._offsets()
        path = self._draft.path(f"offsets_{self._split}.npy")
        with ArrayWriter(path, offsets.shape, "int64") as writer:
            writer.append(offsets)
        return EncodedFile(
            **dict(self._draft.record(self._path.name, self._digest.hexdigest())),
            offsets=self._draft.array_record(writer),
            shape=(len(offsets) - 1, *self._form.shape),
            resize=self._form.resize,
            white=self._form.white,
        )

    def _offsets(self) -> NDArray[np.int64]:
        return np.cumsum(self._sizes, dtype=np.int64)

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()
