"""The most confident mistakes of a model."""

from pathlib import Path

import numpy as np

from sightline.evaluation.predictions import join, of_block
from sightline.evaluation.predictions_table import read_blocks
from sightline.records import Mistake


def most_confident(
    predictions: Path, class_names: tuple[str, ...], limit: int
) -> tuple[tuple[Mistake, ...], int]:
    """Find the most confident mistakes and count all mistakes.

    Args:
        predictions: The predictions table.
        class_names: Names in label order.
        limit: Most mistakes to return.

    Returns:
        The mistakes, the most confident first, and the number of all mistakes.

    Raises:
        InputError: The table is missing or damaged.
    """
    parts = map(of_block, read_blocks(predictions, len(class_names)))
    wrong = join(part.take(~part.correct) for part in parts)
    found = wrong.take(np.lexsort((wrong.index, -wrong.confidence))[:limit])
    return tuple(
        Mistake(
            index=int(found.index[row]),
            label=class_names[found.label[row]],
            predicted=class_names[found.predicted[row]],
            probability=float(found.confidence[row]),
            label_probability=float(found.label_probability[row]),
        )
        for row in range(len(found.index))
    ), len(wrong.index)
