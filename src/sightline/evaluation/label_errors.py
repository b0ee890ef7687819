"""Likely label errors: training images whose label the model contradicts.

The model was trained on these labels, except those of images held out for validation. It may have
memorized a wrong label, and it learns an error that runs through a whole class, so an image that is
not listed may still be mislabelled. A listed image either has a wrong label or is an unusual
example of the right one; a person has to decide.
Out-of-sample predictions would find more (Northcutt, Jiang and Chuang, "Confident Learning",
2021), but they require several trainings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import Labels, read_labels, read_sources
from sightline.data.split_arrays import SelectedImages, StoredImages, open_images
from sightline.evaluation.model_under_test import Context, ModelUnderTest
from sightline.evaluation.predictions import Predict, join, of_block, predict_blocks
from sightline.records import LabelErrors, Mistake

_TABLE = "label_errors.parquet"


def measure(context: Context) -> LabelErrors | None:
    """Find likely label errors of the training split, or of a random sample; None if it is off."""
    tested, draft = context.tested, context.draft
    threshold, limit = tested.settings.label_error_threshold, tested.limits.label_errors
    if not limit:
        return None
    workspace, files = tested.workspace, tested.files
    labels = read_labels(workspace, files, "train")
    count = min(limit, len(labels))
    rows = np.sort(np.random.default_rng(0).choice(len(labels), count, replace=False))
    sources = (source.only(rows) for source in _sources(tested, len(labels)))
    found = find((source for source in sources if len(source.rows)), labels, threshold)
    write(draft.path(_TABLE), found, workspace.root / files.labels.path)
    return LabelErrors(
        examined=count, found=found.num_rows, threshold=threshold, table=draft.record(_TABLE)
    )


class Source(NamedTuple):
    """Training images, and what predicts them."""

    predict: Predict
    images: StoredImages  # Or their features
    rows: NDArray[np.int64]  # Their indexes in the training split as ingested, (m,)

    def only(self, rows: NDArray[np.int64]) -> "Source":
        """Return those of the images that are in some rows of the training split as ingested."""
        places = np.flatnonzero(np.isin(self.rows, rows))
        if len(places) == len(self.rows):
            return self
        return Source(self.predict, SelectedImages(self.images, places), self.rows[places])


def _sources(tested: ModelUnderTest, count: int) -> list[Source]:
    """Choose the features of the training images if all have some, otherwise the images."""
    parts = tested.features.parts() if tested.features else ()
    known = [part for part in parts if part.split == "train"]
    if known and sum(len(part.rows) for part in known) == count:
        return [Source(tested.predict_features, part.features, part.rows) for part in known]
    images = open_images(tested.workspace, tested.files.images["train"])
    return [Source(tested.predict_raw, images, np.arange(count))]


def find(sources: Iterable[Source], labels: Labels, threshold: float) -> pa.Table:
    """Find images for which the model predicts another class than the label with confidence.

    Args:
        sources: The training split as ingested, at least one image.
        labels: int16 array of shape (n,).
        threshold: Smallest probability of the other class, in (0, 1].

    Returns:
        Columns index, label, predicted (int64), probability, label_probability (float32), sorted
        by how far the probability exceeds that of the label, largest first.
    """
    found = join(
        replace(part, index=rows[part.index]).take(~part.correct & (part.confidence >= threshold))
        for predict, images, rows in sources
        for part in map(of_block, predict_blocks(predict, images, labels[rows], "training images"))
    )
    margin = found.confidence - found.label_probability
    found = found.take(np.lexsort((found.index, -margin)))
    return pa.table(
        {
            "index": found.index,
            "label": found.label.astype(np.int64),
            "predicted": found.predicted,
            "probability": found.confidence,
            "label_probability": found.label_probability,
        }
    )


def write(path: Path, found: pa.Table, label_table: Path) -> None:
    """Write the result of `find`, and each image's source, as Parquet with page checksums.

    The training split comes first in the label table.
    """
    sources = read_sources(label_table, np.asarray(found["index"]))
    pq.write_table(found.append_column("source", sources), path, write_page_checksum=True)


def read(path: Path, class_names: Sequence[str], limit: int) -> tuple[Mistake, ...]:
    """Read and check the most likely label errors; indexes refer to the training split."""
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        first = next(table.iter_batches(max(1, limit)), None)
    rows = first.slice(0, limit).to_pylist() if first else []
    for row in rows:
        row |= {name: class_names[row[name]] for name in ("label", "predicted")}
    return tuple(Mistake(**row) for row in rows)
