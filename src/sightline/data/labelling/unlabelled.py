"""Splits without labels, such as the test split of a competition."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sightline.data.labelling.labels import FoundLabels

_NONE = {-1, "-1"}  # What TensorFlow Datasets and Hugging Face write for no label


def leave_out(found: Mapping[str, FoundLabels]) -> dict[str, FoundLabels]:
    """Return the splits, training first, without those in which no image has a label.

    A label of -1 is none, unless it occurs in the training split.
    """
    (_, train), *_ = found.items()
    none = _NONE - {*train.values}
    return {name: one for name, one in found.items() if one is train or not none >= {*one.values}}


def no_labels(count: int) -> NDArray[np.int64]:
    """Return what stands for the labels of a split that has none: int64 of shape (count,)."""
    return np.full(count, -1)
