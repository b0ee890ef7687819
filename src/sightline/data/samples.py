"""A few examples to look at."""

import math

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import read_labels
from sightline.records import DatasetFiles
from sightline.storage.npy import open_mapped
from sightline.storage.workspace import Workspace

_IMAGES = 40
_BYTES = 64 << 20
"""At most so much is held at once, whatever the size of the images."""


def choose(workspace: Workspace, files: DatasetFiles) -> tuple[NDArray[np.uint8], list[str]]:
    """Choose training images, the first of each class and as many of each as there is room.

    Args:
        files: The ingested data set.

    Returns:
        At most 40 uint8 images of shape (m, height, width, channels) and the class name of
        each; class by class.
    """
    labels = read_labels(workspace, files, "train")
    most = max(1, min(_IMAGES, _BYTES // math.prod(files.image_shape)))
    each = max(1, most // len(files.class_names))
    rows: list[int] = []
    for number in range(len(files.class_names)):
        rows.extend(np.flatnonzero(labels == number)[:each].tolist())
    rows = rows[:most]
    images = open_mapped(workspace.root / files.images["train"].path)[rows]
    return images, [files.class_names[labels[row]] for row in rows]
