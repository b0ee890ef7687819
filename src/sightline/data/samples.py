"""Samples of the training images, to show."""

import math

import numpy as np
from numpy.typing import NDArray

from sightline.data.label_table import read_labels
from sightline.data.split_arrays import open_images
from sightline.records import DatasetFiles
from sightline.storage.workspace import Workspace

_MAX_SAMPLES = 40
_MAX_SAMPLE_BYTES = 64 << 20


def choose_samples(
    workspace: Workspace, files: DatasetFiles
) -> tuple[NDArray[np.uint8], list[str]]:
    """Choose training images to show: the first of each class, equally many per class.

    Returns at most 40 uint8 images of shape (m, height, width, channels), and their class names.
    """
    labels = read_labels(workspace, files, "train")
    most = max(1, min(_MAX_SAMPLES, _MAX_SAMPLE_BYTES // math.prod(files.image_shape)))
    per_class = max(1, most // len(files.class_names))
    classes = range(len(files.class_names))
    rows = np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in classes])[:most]
    images = open_images(workspace, files.images["train"])[rows]
    return images, [files.class_names[labels[row]] for row in rows]
