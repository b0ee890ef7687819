"""What every export must reproduce: probabilities of test images, and metadata."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data import holdout
from sightline.data.split_arrays import open_images
from sightline.evaluation import predictions_table
from sightline.records import DatasetFiles, Evaluation, ModelMetadata, Run
from sightline.storage.npy import BLOCK_BYTES, ArrayWriter
from sightline.storage.workspace import Workspace

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Golden:
    """Test images in an NPY file, the digest of their pixels, and what was measured on them."""

    images: Path
    sha256: str
    probabilities: Floats
    metadata: ModelMetadata  # Of the evaluated model


def choose(images: int, limit: int) -> NDArray[np.int64]:
    """Choose at most `limit` evenly spaced rows of the test split, the first one included."""
    count = min(images, limit)
    return np.arange(count, dtype=np.int64) * images // count


def gather(run: Run, files: DatasetFiles, evaluation: Evaluation, limit: int, path: Path) -> Golden:
    """Write at most `limit` golden images to an NPY file and read their probabilities.

    Raises DataError if the test images are missing or damaged, and InputError if the predictions
    differ from the recorded ones or are of other images.
    """
    holdout.verify_holdout(run.workspace, files)
    test = files.images["test"]
    rows = choose(test.shape[0], limit)
    probabilities = _probabilities(run.workspace, files, evaluation, rows)
    images, pixels = open_images(run.workspace, test), hashlib.sha256()
    step = max(1, BLOCK_BYTES // int(np.prod(test.shape[1:])))
    with ArrayWriter(path, (len(rows), *test.shape[1:]), test.dtype) as writer:
        for start in range(0, len(rows), step):
            block = images[rows[start : start + step]]
            pixels.update(block.data)
            writer.append(block)
    return Golden(path, pixels.hexdigest(), probabilities, ModelMetadata.of(files))


def _probabilities(
    workspace: Workspace, files: DatasetFiles, evaluation: Evaluation, rows: NDArray[np.int64]
) -> Floats:
    """Read the probabilities of some rows; the complete table may exceed the memory."""
    blocks = predictions_table.read_blocks(
        workspace.root / evaluation.predictions.path,
        len(files.class_names),
        rows=files.images["test"].shape[0],
        sha256=evaluation.predictions.sha256,
    )
    found = []
    for block in blocks:
        inside = (rows >= block.start) & (rows < block.start + len(block.labels))
        found.append(block.probabilities[rows[inside] - block.start])
    return np.concatenate(found)
