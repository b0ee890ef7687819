"""The wrong predictions that a model was surest of."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sightline.records import Mistake

_BLOCK = 4 << 20
"""Probabilities that are held at once."""


def worst(
    predictions: Path, class_names: tuple[str, ...], most: int
) -> tuple[tuple[Mistake, ...], int]:
    """Find the wrong predictions with the highest probability, and count all wrong ones.

    Args:
        predictions: The Parquet file of the stage evaluate.
        class_names: Names in label order.
        most: How many to find.

    Returns:
        The mistakes, the surest first, and how many there are in all.
    """
    wrong = _wrong_predictions(predictions, len(class_names))
    order = np.lexsort((wrong["index"], -wrong["probability"]))[:most]
    mistakes = tuple(
        Mistake(
            index=int(wrong["index"][row]),
            label=class_names[wrong["label"][row]],
            predicted=class_names[wrong["predicted"][row]],
            probability=float(wrong["probability"][row]),
            label_probability=float(wrong["label_probability"][row]),
        )
        for row in order
    )
    return mistakes, len(wrong["index"])


def _wrong_predictions(path: Path, classes: int) -> dict[str, NDArray[Any]]:
    """Collect index, label, predicted and the probability of both where they differ.

    The table is read in blocks: with a thousand classes it is far larger than what is wrong.
    """
    columns = ["index", "label", "predicted", *(f"probability_{n}" for n in range(classes))]
    found: dict[str, list[NDArray[Any]]] = {}
    with pq.ParquetFile(path, page_checksum_verification=True) as predictions:
        for batch in predictions.iter_batches(max(1, _BLOCK // classes), columns=columns):
            index, label, predicted, *by_class = (column.to_numpy() for column in batch.columns)
            probabilities = np.stack(by_class)
            wrong = np.flatnonzero(label != predicted)
            values = {
                "index": index[wrong],
                "label": label[wrong],
                "predicted": predicted[wrong],
                "probability": probabilities[predicted[wrong], wrong],
                "label_probability": probabilities[label[wrong], wrong],
            }
            for name, block in values.items():
                found.setdefault(name, []).append(block)
    return {name: np.concatenate(blocks) for name, blocks in found.items()}
