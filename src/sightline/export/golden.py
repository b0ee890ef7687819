"""Golden images: what every exported form has to answer as the model did that was measured."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data import holdout
from sightline.evaluation import predictions_table
from sightline.records import DatasetFiles, Evaluation, Run
from sightline.storage.npy import BLOCK_BYTES, ArrayWriter, read_rows
from sightline.storage.workspace import Workspace

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Golden:
    """Test images, and what was measured on them.

    Attributes:
        images: NPY file, uint8 of shape (n, height, width, channels).
        sha256: Digest of the pixels alone, in that order.
        probabilities: float32 of shape (n, num_classes), as `evaluate` stored them.
    """

    images: Path
    sha256: str
    probabilities: Floats


def choose(images: int, wanted: int) -> NDArray[np.int64]:
    """Choose rows of the test split, evenly spaced from the first on.

    Args:
        images: How many there are, at least 1.
        wanted: How many are wanted; all are taken where there are fewer.

    Returns:
        int64 of shape (n,), ascending, each row once.
    """
    count = min(images, wanted)
    return np.arange(count, dtype=np.int64) * images // count


def gather(
    run: Run, ingested: DatasetFiles, evaluation: Evaluation, wanted: int, path: Path
) -> Golden:
    """Write the golden images and read what was measured on them.

    Args:
        run: Gives the artifacts root.
        ingested: Gives the test images.
        evaluation: Gives their probabilities.
        wanted: How many images.
        path: NPY file to write.

    Raises:
        DataError: The test images are missing or damaged.
        InputError: The predictions differ from the recorded ones, or are of other images.
    """
    holdout.check(run.workspace, ingested)
    test = ingested.images["test"]
    rows = choose(test.shape[0], wanted)
    probabilities = _measured(
        run.workspace, evaluation, len(ingested.class_names), rows, test.shape[0]
    )
    pixels = hashlib.sha256()
    shape = (len(rows), *test.shape[1:])
    at_once = max(1, BLOCK_BYTES // int(np.prod(test.shape[1:])))
    with ArrayWriter(path, shape, test.dtype) as writer:
        for start in range(0, len(rows), at_once):
            block = read_rows(run.workspace.root / test.path, rows[start : start + at_once])
            pixels.update(block.data)
            writer.append(block)
    return Golden(path, pixels.hexdigest(), probabilities)


def _measured(
    workspace: Workspace,
    evaluation: Evaluation,
    num_classes: int,
    rows: NDArray[np.int64],
    images: int,
) -> Floats:
    """Read the probabilities of some rows; the whole table may be larger than memory."""
    path = workspace.root / evaluation.predictions.path
    blocks = predictions_table.read_blocks(
        path, num_classes, rows=images, sha256=evaluation.predictions.sha256
    )
    found = []
    for block in blocks:
        inside = (rows >= block.start) & (rows < block.start + len(block.labels))
        found.append(block.probabilities[rows[inside] - block.start])
    return np.concatenate(found)
