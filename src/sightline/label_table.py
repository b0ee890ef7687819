"""The label table of an ingested data set."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.records import DatasetFiles


def read_labels(root: Path, files: DatasetFiles, split: str) -> NDArray[np.int64]:
    """Read the labels of one split.

    Args:
        root: The artifacts root.
        files: The ingested data set.
        split: Name of the split.

    Returns:
        int64 array of shape (n,), values 0 to num_classes - 1, in the order of the images.
    """
    table = pq.read_table(
        root / files.labels.path, columns=["label"], page_checksum_verification=True
    )
    start = 0
    for name, images in files.images.items():
        if name == split:
            labels: NDArray[np.int64] = table["label"].to_numpy()[start : start + images.shape[0]]
            return labels
        start += images.shape[0]
    raise KeyError(split)
