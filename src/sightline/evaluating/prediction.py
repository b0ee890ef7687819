"""What the parts of the evaluation that only ask the model know of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.arrays import BLOCK_BYTES

Images = NDArray[np.uint8]
"""Raw images, (m, height, width, channels)."""

Predict = Callable[[Images], NDArray[np.float32]]
"""Gives the class probabilities of raw images, (m, num_classes)."""


def block_rows(images: NDArray[Any]) -> int:
    """Return how many images make a block that may be held at once, at least one.

    Args:
        images: Array of shape (n, height, width, channels), n at least 1.
    """
    return max(1, BLOCK_BYTES // int(images[0].nbytes))
