"""What every reader returns: labels in memory, images as a stream of blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.storage.npy import BLOCK_BYTES

MAX_EXAMPLES = 10_000_000
"""More rows than this are taken for a damaged or hostile header."""

MAX_IMAGE_BYTES = 64 << 20
"""Raw images that are larger than this are refused: a block holds at least one of them."""

_WHITE = 255

Blocks = Iterator[NDArray[np.uint8]]
Metadata = Iterator[Any]
"""pyarrow record batches of string columns, named as in the source."""


@dataclass(frozen=True)
class Examples:
    """The examples of one split, or of a source that is not split yet.

    Attributes:
        split: "train", "test" or `layout.WHOLE`.
        labels: int64 array of shape (n,), values from 0 to `num_classes` - 1.
        blocks: Starts a stream of uint8 arrays of shape (m, height, width, channels), values 0
            to 255, in the order of the labels; never all in memory.
        origin: Tells where in the source an example, counted from 0, came from.
        metadata: Starts a stream of the metadata columns, in the order of the labels; None where
            the config names none.
    """

    split: str
    labels: NDArray[np.int64]
    blocks: Callable[[], Blocks]
    origin: Callable[[int], str]
    metadata: Callable[[], Metadata] | None = None


@dataclass(frozen=True)
class Reading:
    """A source, read.

    Attributes:
        class_names: Names in label order.
        image_shape: Height, width and channels (1 or 3) of what the blocks hold.
        examples: One for `layout.WHOLE`, or one for "train" and one for "test".
        notes: Sentences on what was changed or left out.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    examples: tuple[Examples, ...]
    notes: tuple[str, ...] = ()


def rows_in_block(row_bytes: int) -> int:
    """Return how many rows of this size make a block; at least one."""
    return max(1, BLOCK_BYTES // row_bytes)


def check_count(subject: str, count: int) -> None:
    """Refuse a split without examples, or with more than anybody means.

    Raises:
        DataError: The count is not in 1 to `MAX_EXAMPLES`.
    """
    if not 1 <= count <= MAX_EXAMPLES:
        raise DataError(f"{subject} holds {count:,} examples; expected 1 to {MAX_EXAMPLES:,}.")


def exact_pixels(block: NDArray[Any], subject: str, first_row: int) -> NDArray[np.uint8]:
    """Turn numbers into pixels where that loses nothing.

    Args:
        block: Integers or floats, rows along the first axis.
        subject: File or array to name in an error.
        first_row: Number of the block's first row, counted from 0.

    Returns:
        The same values as uint8.

    Raises:
        DataError: A value is not a whole number from 0 to 255; the message names the row.
    """
    if block.dtype == np.uint8:
        return block
    with np.errstate(invalid="ignore"):
        right = (block >= 0) & (block <= _WHITE)
        if block.dtype.kind == "f":
            right &= block == np.floor(block)
    if not right.all():
        index = np.unravel_index(int(np.argmin(right)), right.shape)
        raise DataError(_not_a_pixel(float(block[index]), subject, first_row + int(index[0])))
    return block.astype(np.uint8)


def _not_a_pixel(value: float, subject: str, row: int) -> str:
    remedy = "mend or remove the row."
    if 0 < value < 1:
        remedy = "multiply images that are scaled to [0, 1] by 255, round and save them as uint8."
    return (
        f"{subject}, row {row} (counted from 0): expected whole numbers from 0 to 255 as pixels, "
        f"found {value:g}; {remedy}"
    )
