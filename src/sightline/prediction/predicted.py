"""What a model predicted for a block of images, and what is counted of them."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.data.validation.profile import Sums, pixel_sums
from sightline.evaluation.model_under_test import class_probabilities
from sightline.prediction.stream import Block

if TYPE_CHECKING:
    import keras


class Conversions(NamedTuple):
    """How many images of a block were converted; see `stream.Block`."""

    resized: int = 0
    converted: int = 0
    recolored: int = 0
    clipped: int = 0


class Predicted(NamedTuple):
    """A predicted block of m images, without its pixels."""

    names: Any  # pyarrow array of m strings
    probabilities: NDArray[np.float32]  # Shape (m, num_classes)
    errors: dict[int, str]  # Row of an unreadable image to the reason
    conversions: Conversions
    histogram: Sums  # int64 (256,): pixels of each value, of all readable images
    sums: Sums  # int64: sum of the pixels of each readable image


def predict_block(model: "keras.Model", size: int, block: Block) -> Predicted:
    """Predict a block in batches of `size`; keep the probabilities and what is counted."""
    readable = np.ones(len(block.images), np.bool_)
    readable[list(block.errors)] = False
    pixels = block.images[readable] if block.errors else block.images
    histogram = np.zeros(256, np.int64)
    if len(pixels):
        histogram += Image.fromarray(pixels.reshape(len(pixels), -1)).histogram()
    return Predicted(
        block.names,
        class_probabilities(model, block.images, size),
        block.errors,
        Conversions(block.resized, block.converted, block.recolored, block.clipped),
        histogram,
        pixel_sums(block.images)[readable],
    )
