"""Test images that one of two runs has right and the other wrong."""

import numpy as np
from numpy.typing import NDArray

from sightline.evaluation.predictions import Predictions
from sightline.records.difference import Reversal, Reversals
from sightline.runs.comparison import discordant

MOST_EXAMPLES = 24
"""Fixed and broken images that are named; the predictions have all."""


def find(
    before: Predictions | None, now: Predictions | None, names: tuple[str, ...]
) -> Reversals | None:
    """Set two runs side by side, image by image.

    Args:
        before: What A says of the test images; None where that cannot be read.
        now: What B says of the same images.
        names: Class names in label order.

    Returns:
        None where one cannot be read, or the labels differ.
    """
    if before is None or now is None or not np.array_equal(before.label, now.label):
        return None
    found = discordant(before.correct, now.correct)
    fixed, broken = (_examples(before, now, rows, names) for rows in (found.fixed, found.broken))
    return Reversals(
        images=len(now.label),
        fixed=len(found.fixed),
        broken=len(found.broken),
        p_value=found.p_value,
        fixed_examples=fixed,
        broken_examples=broken,
    )


def _examples(
    before: Predictions, now: Predictions, rows: NDArray[np.int64], names: tuple[str, ...]
) -> tuple[Reversal, ...]:
    surest = rows[np.lexsort((rows, -now.confidence[rows]))][:MOST_EXAMPLES]
    a, b = before.take(surest), now.take(surest)
    return tuple(
        Reversal(
            index=int(b.index[row]),
            label=names[b.label[row]],
            a=names[a.predicted[row]],
            a_probability=float(a.confidence[row]),
            b=names[b.predicted[row]],
            b_probability=float(b.confidence[row]),
        )
        for row in range(len(surest))
    )
