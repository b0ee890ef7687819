from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.datasets import csv, folder, idx, layout, npz, parquet
from sightline.datasets.reading import Reading

READERS = {
    "idx": idx.read,
    "npz": npz.read,
    "folder": folder.read,
    "parquet": parquet.read,
    "csv": csv.read,
}
Read = Callable[..., tuple[Reading, dict[str, NDArray[np.uint8]]]]


@pytest.fixture
def read() -> Read:
    def read_all(path: Path, **settings: Any) -> tuple[Reading, dict[str, NDArray[np.uint8]]]:
        found = layout.find(path)
        reading = READERS[found.kind](found, DataConfig(dataset=str(path), **settings))
        images = {part.split: np.concatenate(list(part.blocks())) for part in reading.examples}
        return reading, images

    return read_all
