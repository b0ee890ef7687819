"""What every reader returns: labels in memory, and images as a stream of blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.storage.npy import BLOCK_BYTES

MAX_EXAMPLES = 10_000_000  # Headers that state more examples are treated as damaged
MAX_IMAGE_BYTES = 64 << 20  # Larger raw images are refused, since a block holds at least one image
_MAX_PIXEL = 255

Shape = tuple[int, int, int]  # Height, width and channels (1 or 3)
Blocks = Iterator[NDArray[np.uint8]]
Metadata = Iterator[Any]  # pyarrow record batches of string columns, named as in the source


@dataclass(frozen=True)
class RawSplit:
    """Image, label and source of each example of one split."""

    name: str  # "train", "test" or `layout.UNSPLIT`
    labels: NDArray[np.int64]  # int64 array of shape (n,), values from 0 to `num_classes` - 1
    # Starts a stream of uint8 blocks of shape (m, height, width, channels), values 0 to 255, in the
    # order of the labels
    images: Callable[[], Blocks]
    source: Callable[[int], str]  # Returns where an example, counted from 0, comes from
    # Starts a stream of the metadata columns, in the order of the labels; None if the config names
    # none
    metadata: Callable[[], Metadata] | None = None


@dataclass(frozen=True)
class RawDataset:
    """A source opened by its reader."""

    class_names: tuple[str, ...]  # Names in label order
    image_shape: Shape  # Shape of the images in the blocks
    splits: tuple[RawSplit, ...]  # "train" and "test", or `layout.UNSPLIT` alone
    notes: tuple[str, ...] = ()  # Sentences about what was changed or left out


def rows_in_block(row_bytes: int) -> int:
    """Return how many rows of this size make a block; at least one."""
    return max(1, BLOCK_BYTES // row_bytes)


def check_count(subject: str, count: int) -> None:
    """Raise DataError for a split with no examples, or with more than `MAX_EXAMPLES`."""
    if not 1 <= count <= MAX_EXAMPLES:
        raise DataError(f"{subject} has {count:,} examples; expected 1 to {MAX_EXAMPLES:,}.")


def to_pixels(blocks: Iterator[NDArray[Any]], subject: str, shape: Shape) -> Blocks:
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
    index = np.unravel_index(int(np.argmin(valid)), valid.shape)
    value = float(block[index])
    remedy = "fix or remove the row."
    if 0 < value < 1:
        remedy = "multiply images scaled to [0, 1] by 255, round, and save them as uint8."
    raise DataError(
        f"{subject}, row {first_row + int(index[0])} (counted from 0): expected integers from 0 to "
        f"255 as pixels, found {value:g}; {remedy}"
    )
