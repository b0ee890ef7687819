"""The scale of pixels, in a module of its own so that models do not depend on preprocessing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALE = np.float32(1 / 255)
"""Scales a uint8 pixel to [0, 1].

The exported model multiplies by the same float32, so that training and serving agree bit for bit.
"""


def to_float(images: NDArray[Any]) -> NDArray[np.float32]:
    """Scale uint8 images to float32 in [0, 1]; float32 images are returned as they are."""
    return images.astype(np.float32) * SCALE if images.dtype == np.uint8 else images
