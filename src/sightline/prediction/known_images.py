"""Which images a model's run had already, and the accuracy on those and on the others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.evaluation import predictions
from sightline.evaluation.intervals import wilson
from sightline.records import DatasetFiles, Evaluation, KnownImages
from sightline.records.manifest import RunManifest
from sightline.storage import digests, sync
from sightline.storage.workspace import Workspace

Digests = NDArray[np.bytes_]  # S64: SHA-256 in hexadecimal digits

_SPLITS = get_args(KnownImages.model_fields["split"].annotation)
NEW = _SPLITS.index("new")
_SAME_FORM = ("image_shape", "resize", "white")


def label_table(workspace: Workspace, run: RunManifest) -> Path | None:
    """Return the label table of a run, or None if the cache no longer has it."""
    record = run.records.ingest.labels
    path = sync.fetch(workspace, record.path, record.sha256)
    return path if digests.difference(path, record.sha256) is None else None


def find(table: Path, wanted: Digests, column: str = "content_sha256") -> NDArray[np.int8]:
    """Return the split of each of n images in a label table, as a number of `KnownImages.split`.

    Memory does not grow with the table. An image that is in several splits counts for the first.
    """
    order = np.argsort(wanted, kind="stable")
    found = np.full(len(wanted), NEW, np.int8)
    for known, splits in _stream(table, column):
        left, right = (np.searchsorted(wanted[order], known, side) for side in ("left", "right"))
        for row in np.flatnonzero(left < right):
            places = order[left[row] : right[row]]
            found[places] = np.minimum(found[places], _SPLITS.index(splits[row]))
    return found


def measure(
    workspace: Workspace, run: RunManifest, files: DatasetFiles, evaluation: Evaluation
) -> tuple[KnownImages, ...] | None:
    """Measure the accuracy on the images of each split of a run; None if they are unknown."""
    table = label_table(workspace, run)
    if table is None:
        return None
    ours, ingested = workspace.root / files.labels.path, run.records.ingest
    found = find(table, _read(ours, "content_sha256"))
    if all(getattr(files, name) == getattr(ingested, name) for name in _SAME_FORM):
        # The same image in another file format
        found = np.minimum(found, find(table, _read(ours, "pixels_sha256"), "pixels_sha256"))
    path = workspace.root / evaluation.predictions.path
    correct = predictions.read(path, len(files.class_names)).correct
    return tuple(
        KnownImages(
            split=split,
            images=count,
            accuracy=float(correct[found == number].mean()),
            interval=interval,
        )
        for number, split in enumerate(_SPLITS)
        for count in [int((found == number).sum())]
        for interval in [wilson(int(correct[found == number].sum()), count)]
        if interval is not None
    )


def _stream(table: Path, column: str) -> Iterator[tuple[Digests, list[str]]]:
    with pq.ParquetFile(table, page_checksum_verification=True) as file:
        if column not in file.schema_arrow.names:  # a run of an earlier version
            return
        for batch in file.iter_batches(columns=["split", column]):
            yield _digests(batch[column]), batch["split"].to_pylist()


def _read(table: Path, column: str) -> Digests:
    return np.concatenate([found for found, _ in _stream(table, column)])


def _digests(column: Any) -> Digests:
    return np.array(column.to_pylist(), "S64")
