"""Training images whose label the model denies: labels that somebody should look at.

The model has seen these labels while it learnt. A wrong one that it learnt by heart it no longer
denies, and one that is wrong in a whole class alike it takes for right; so no doubt does not mean
that the labels are right. What it denies in spite of having seen it is either a wrong label
or a right one of an unusual image: that is for a person to say. Predictions of models that
did not see the image would find more (Northcutt, Jiang and Chuang, "Confident Learning", 2021),
at the price of training several.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.data.label_table import Labels, read_sources
from sightline.evaluation.predictions import Images, Predict, blocks
from sightline.pipeline.progress import Progress, emit
from sightline.records import Mistake


def find(predict: Predict, images: Images, labels: Labels, threshold: float) -> pa.Table:
    """Find the images that the model gives another class, and is sure of it.

    Args:
        predict: The model.
        images: uint8 array of shape (n, height, width, channels), the training split as
            ingested, n at least 1; may be mapped.
        labels: int16 array of shape (n,).
        threshold: Least probability of the other class, in (0, 1].

    Returns:
        Columns index, label, predicted (int64), probability, label_probability (float32);
        first where the other class exceeds the label by most.
    """
    denied = []
    for rows in blocks(images):
        denied.append(_denied(predict(images[rows]), labels[rows], rows.start, threshold))
        emit(Progress(stage="evaluate", done=rows.stop, total=len(images), unit="training images"))
    found = pa.concat_tables(denied)
    exceeds = np.asarray(found["probability"]) - np.asarray(found["label_probability"])
    return found.take(np.lexsort((found["index"], -exceeds)))


def write(path: Path, doubts: pa.Table, label_table: Path) -> None:
    """Write what `find` found as Parquet, pages with checksums.

    Args:
        path: The file to write.
        doubts: What was found.
        label_table: Says where each image came from; its first rows are the training split's.
    """
    sources = read_sources(label_table, np.asarray(doubts["index"]))
    pq.write_table(doubts.append_column("source", sources), path, write_page_checksum=True)


def read(path: Path, class_names: Sequence[str], most: int) -> tuple[Mistake, ...]:
    """Read the most doubtful labels.

    Args:
        path: What `write` wrote; every page is checked.
        class_names: Names in label order.
        most: How many to read at most.

    Returns:
        The most doubtful first; indexes are those of the training split.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as table:
        first = next(table.iter_batches(max(1, most)), None)
    rows = first.slice(0, most).to_pylist() if first else []
    return tuple(
        Mistake(
            index=row["index"],
            label=class_names[row["label"]],
            predicted=class_names[row["predicted"]],
            probability=row["probability"],
            label_probability=row["label_probability"],
        )
        for row in rows
    )


def _denied(
    probabilities: NDArray[np.float32],
    labels: Labels,
    start: int,
    threshold: float,
) -> pa.Table:
    predicted = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1) >= threshold
    rows = np.flatnonzero(sure & (predicted != labels))
    return pa.table(
        {
            "index": start + rows,
            "label": labels[rows].astype(np.int64),
            "predicted": predicted[rows],
            "probability": probabilities[rows, predicted[rows]],
            "label_probability": probabilities[rows, labels[rows]],
        }
    )
