"""Stratified splits: the same share of every class on each side."""

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError


def stratified_mask(
    labels: NDArray[np.int64], fraction: float, seed: int, option: str
) -> NDArray[np.bool_]:
    """Choose a share of every class at random.

    Args:
        labels: int64 labels of shape (n,).
        fraction: Share to choose, in (0, 1).
        seed: Seed of the choice.
        option: The config key of the fraction, for the error message.

    Returns:
        Boolean array of shape (n,), True for the chosen examples.

    Raises:
        DataError: A class has too few examples for both sides.
    """
    from sklearn.model_selection import train_test_split

    try:
        _, chosen = train_test_split(
            np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise DataError(
            f"The {len(labels)} examples cannot be split with {option} = {fraction}: {error} "
            "Add images to the small classes or change the fraction."
        ) from None
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[chosen] = True
    return mask
