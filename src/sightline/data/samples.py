"""Samples of the training images, to show."""

import math

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import read_labels
from sightline.data.split_arrays import open_images
from sightline.records import DatasetFiles
from sightline.storage.workspace import Workspace

_MAX_SAMPLE_BYTES = 64 << 20


def choose_samples(
    workspace: Workspace, files: DatasetFiles, most: int = 40, per_class: int | None = None
) -> tuple[NDArray[np.uint8], list[str]]:
    """Choose training images to show: the first of each class, equally many per class.

    Args:
        most: Largest number of images.
        per_class: Largest number of each class.

    Returns uint8 images of shape (m, height, width, channels), and their class names.
    """
    labels = read_labels(workspace, files, "train")
    most = max(1, min(most, _MAX_SAMPLE_BYTES // math.prod(files.image_shape)))
    even = max(1, most // len(files.class_names))
    each = min(even, per_class or even)
    classes = range(len(files.class_names))
    rows = np.concatenate([np.flatnonzero(labels == label)[:each] for label in classes])[:most]
    images = open_images(workspace, files.images["train"])[rows]
    return images, [files.class_names[labels[row]] for row in rows]
