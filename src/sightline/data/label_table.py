"""The label table of an ingested data set."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.records import DatasetFiles
from sightline.storage.workspace import Workspace

Labels = NDArray[np.int16]
"""Two bytes an example, since there are at most 1,000 classes: labels are held whole."""


def read_sources(path: Path, rows: NDArray[np.int64]) -> pa.Array:
    """Read where some examples came from.

    Args:
        path: The label table; pages are checked.
        rows: int64 array of shape (m,): their rows in it, in any order.

    Returns:
        m strings, each a file below the source, or a file and a place in it.
    """
    wanted, places = np.unique(rows, return_inverse=True)
    parts = [pa.array([], pa.string())]
    start = 0
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        for batch in table.iter_batches(columns=["source"]):
            first, last = np.searchsorted(wanted, (start, start + len(batch)))
            parts.append(batch.column(0).take(pa.array(wanted[first:last] - start)))
            start += len(batch)
    return pa.concat_arrays(parts).take(pa.array(places))


def read_labels(workspace: Workspace, files: DatasetFiles, split: str) -> Labels:
    """Read the labels of one split.

    Args:
        files: The ingested data set.
        split: Name of the split.

    Returns:
        int16 array of shape (n,), values 0 to num_classes - 1, in the order of the images.
    """
    counts = {name: images.shape[0] for name, images in files.images.items()}
    labels = np.empty(sum(counts.values()), dtype=np.int16)
    row = 0
    with pq.ParquetFile(
        workspace.root / files.labels.path, page_checksum_verification=True
    ) as table:
        for batch in table.iter_batches(columns=["label"]):
            labels[row : row + len(batch)] = batch.column(0).to_numpy()
            row += len(batch)
    names = list(counts)
    start = sum(counts[name] for name in names[: names.index(split)])
    return labels[start : start + counts[split]]
