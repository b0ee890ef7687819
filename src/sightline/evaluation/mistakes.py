"""The wrong predictions that a model was surest of."""

from pathlib import Path

import numpy as np

from sightline.evaluation.predictions import join, of_block
from sightline.evaluation.predictions_table import read_blocks
from sightline.records import Mistake


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
    parts = map(of_block, read_blocks(predictions, len(class_names)))
    wrong = join(part.take(~part.correct) for part in parts)
    order = np.lexsort((wrong.index, -wrong.probability))[:most]
    found = tuple(
        Mistake(
            index=int(wrong.index[row]),
            label=class_names[wrong.label[row]],
            predicted=class_names[wrong.predicted[row]],
            probability=float(wrong.probability[row]),
            label_probability=float(wrong.label_probability[row]),
        )
        for row in order
    )
    return found, len(wrong.index)
