"""What every reader returns: labels in memory, and images as a stream of blocks."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.config import Resize
from sightline.errors import DataError
from sightline.storage.npy import BLOCK_BYTES

MAX_EXAMPLES = 10_000_000  # Headers that state more examples are treated as damaged
MAX_IMAGE_BYTES = 64 << 20  # Larger raw images are refused, since a block holds at least one image
_MAX_PIXEL = 255
DIGEST = np.dtype("S32")  # A SHA-256; `tobytes` keeps zeros at its end, `tolist` does not

WHITES = (255, 1023, 4095, 65535)  # Largest values of 8, 10, 12 and 16 bits

Shape = tuple[int, int, int]  # Height, width and channels (1 or 3)
Metadata = Iterator[Any]  # pyarrow record batches of string columns, named as in the source


@dataclass(frozen=True)
class RawBlock:
    """Some images of a split, in order."""

    images: NDArray[np.uint8]  # Shape (m, height, width, channels), values 0 to 255
    # SHA-256 of each image as its source holds it, S32 of shape (m,): of the encoded file, or of
    # the pixels in an array. It does not depend on the image size that the config asks for
    digests: NDArray[np.bytes_]
    encoded: tuple[bytes, ...] | None = None  # The encoded images, if they are to be stored
    # Of an ingested shard, what is known of each image: (m,) of `data.sharding.shard.ROW`. If it
    # has encoded images, `images` is empty, of shape (m, 0)
    rows: NDArray[Any] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def select(self, mask: NDArray[np.bool_]) -> "RawBlock":
        """Return the images where the mask, of shape (m,), is true."""
        if mask.all():
            return self
        encoded = tuple(compress(self.encoded, mask)) if self.encoded is not None else None
        rows = self.rows[mask] if self.rows is not None else None
        return RawBlock(self.images[mask], self.digests[mask], encoded, rows)


Blocks = Iterator[RawBlock]


class Form(NamedTuple):
    """The form to which all images are brought."""

    shape: Shape
    resize: Resize
    encoded: bool = False  # Whether the encoded images are stored instead of their pixels
    white: int = WHITES[-1]  # Value that is white in images of 16 bits


@dataclass(frozen=True)
class RowGroup:
    """Rows of a Parquet file that are compressed together."""

    path: Path
    number: int
    rows: NDArray[np.int64]  # Those with an image to read, sorted, counted from 0 in the file


@dataclass(frozen=True)
class RawSplit:
    """Image, label and source of each example of one split."""

    name: str  # "train", "validation", "test", or `layout.UNSPLIT` for the only one
    # int64 array of shape (n,), values from 0 to `num_classes` - 1; all -1 if there are no labels
    labels: NDArray[np.int64]
    place: str  # Where the source has it, in words, such as "folder train"
    images: Callable[[], Blocks]  # Starts a stream of the images, in the order of the labels
    source: Callable[[int], str]  # Returns where an example, counted from 0, comes from
    # Starts a stream of the metadata columns, in the order of the labels; None if the config names
    # none
    metadata: Callable[[], Metadata] | None = None
    encoded: Callable[[], Iterator[Any]] | None = None  # Starts a stream of `images.EncodedImage`
    # Where its images are, in their order, if some can be read without the others: in files of
    # their own, or in row groups; none otherwise
    places: Sequence[Path] | Sequence[RowGroup] = ()


@dataclass(frozen=True)
class Origin:
    """What a reader recognized, in words."""

    format: str  # Such as "image folder"
    labels: str  # Where the labels are, such as "class folders" or "column kind of table.csv"
    label_column: str | None = None  # `data.label_column`, if the reader found another one itself
    image_column: str | None = None  # The same for `data.image_column`


@dataclass(frozen=True)
class RawDataset:
    """A source opened by its reader."""

    class_names: tuple[str, ...]  # Names in label order
    image_shape: Shape  # Shape of the images in the blocks
    splits: tuple[RawSplit, ...]  # Those with labels, training first
    origin: Origin
    notes: tuple[str, ...] = ()  # Sentences about what was changed or left out
    resize: Resize | None = None  # How images were resized; None if they still have their size
    # Bytes of the encoded images in the source, if the blocks hold them, to be stored
    encoded_bytes: int | None = None
    white: int = WHITES[-1]  # Value that is white in its images of 16 bits
    left_out: Mapping[str, int] = field(default_factory=dict)  # Files left out, by their ending
    unreadable: int = 0  # Images that were left out because they cannot be read
    unlabelled: tuple[RawSplit, ...] = ()  # Splits without labels


def rows_in_block(row_bytes: int, block_bytes: int = BLOCK_BYTES) -> int:
    """Return how many rows of this size make a block; at least one."""
    return max(1, block_bytes // row_bytes)


def check_count(subject: str, count: int) -> None:
    """Raise DataError for a split with no examples, or with more than `MAX_EXAMPLES`."""
    if not 1 <= count <= MAX_EXAMPLES:
        remedy = "use fewer" if count > 0 else "add some, or remove this split"
        raise DataError(
            f"{subject} has {count:,} examples; expected 1 to {MAX_EXAMPLES:,}: {remedy}."
        )


def digests_of(images: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return the SHA-256 of the pixels of each image: S32 of shape (m,)."""
    found = [hashlib.sha256(image.data).digest() for image in np.ascontiguousarray(images)]
    return np.array(found, DIGEST)


def raw_blocks(arrays: Iterator[NDArray[np.uint8]]) -> Blocks:
    """Add digests to images from an array: uint8 of shape (m, height, width, channels)."""
    return (RawBlock(images, digests_of(images)) for images in arrays)


def to_pixels(
    blocks: Iterator[NDArray[Any]], subject: str, shape: Shape
) -> Iterator[NDArray[np.uint8]]:
    """Convert blocks of integers or floats, one example per row, to uint8 images without loss.

    Raises DataError, naming the row, for a value that is not an integer from 0 to 255.
    """
    row = 0
    for block in blocks:
        if block.dtype != np.uint8:
            _check_pixels(block, subject, row)
        yield block.astype(np.uint8, copy=False).reshape(len(block), *shape)
        row += len(block)


def _check_pixels(block: NDArray[Any], subject: str, first_row: int) -> None:
    with np.errstate(invalid="ignore"):
        valid = (block >= 0) & (block <= _MAX_PIXEL)
        if block.dtype.kind == "f":
            valid &= block == np.floor(block)
    if valid.all():
        return
    finite = np.isfinite(block)  # a single NaN hides that all others are scaled to [0, 1]
    first = int(np.argmin(valid if finite.all() else finite))
    index = np.unravel_index(first, valid.shape)
    value = float(block[index])
    remedy = "fix or remove the row."
    if _MAX_PIXEL < value <= WHITES[-1]:
        remedy = "set data.white to the value that is white, or fix the row."
    if 0 < value < 1:
        remedy = "multiply images scaled to [0, 1] by 255, round, and save them as uint8."
    elif np.isfinite(value) and value % 1:
        remedy = "bring scaled images to 0 to 255, round, and save them as uint8."
    raise DataError(
        f"{subject}, row {first_row + int(index[0])} (counted from 0): expected integers from 0 to "
        f"255 as pixels, found {value:g}; {remedy}"
    )
