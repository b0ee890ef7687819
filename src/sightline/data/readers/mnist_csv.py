"""Reads the data set that an installed package carries: 5,000 MNIST images as CSV."""

import io
from pathlib import Path

import numpy as np
import pyarrow.csv
from numpy.typing import NDArray

from sightline.data.readers import content
from sightline.data.readers.base import Examples, Reading

_SHAPE = (28, 28, 1)
_TEST_EVERY = 5


def read(path: Path, class_names: tuple[str, ...]) -> Reading:
    """Read 784 pixel columns with the label as the last one; every fifth of a class is for testing.

    Args:
        path: The verified file, plain or gzip; small enough to hold in memory.
        class_names: Names in label order.

    Returns:
        4,000 training and 1,000 test images, always the same, all classes alike.
    """
    table = pyarrow.csv.read_csv(
        io.BytesIO(b"".join(content.chunks(path))),
        read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True),
    )
    values = np.stack([column.to_numpy() for column in table.columns], axis=-1)
    images = values[:, :-1].astype(np.uint8).reshape(-1, *_SHAPE)
    numbers = values[:, -1].astype(np.int64)
    test = _every_fifth(numbers, len(class_names))
    examples = tuple(
        _examples(split, np.flatnonzero(chosen), images, numbers, path.name)
        for split, chosen in (("train", ~test), ("test", test))
    )
    return Reading(class_names, _SHAPE, examples)


def _examples(
    split: str,
    rows: NDArray[np.int64],
    images: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    file: str,
) -> Examples:
    return Examples(
        split, numbers[rows], lambda: iter([images[rows]]), lambda row: f"{file}#{rows[row]}"
    )


def _every_fifth(numbers: NDArray[np.int64], num_classes: int) -> NDArray[np.bool_]:
    chosen = np.zeros(len(numbers), dtype=np.bool_)
    for label in range(num_classes):
        chosen[np.flatnonzero(numbers == label)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True
    return chosen
