"""Reads a data set as ingest does, whole."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline import datasets
from sightline.config import DataConfig
from sightline.datasets import sources
from sightline.datasets.reading import Reading
from sightline.records import Run


def read_all(path: Path, **settings: Any) -> tuple[Reading, dict[str, NDArray[np.uint8]]]:
    """Return the reading and the images of each split."""
    chosen = DataConfig(dataset=str(path), **settings)
    run = Run(id="read", root=path)  # no named data set is fetched
    reading, _ = sources.open_source(run, datasets.locate(chosen), chosen)
    images = {part.split: np.concatenate(list(part.blocks())) for part in reading.examples}
    return reading, images
