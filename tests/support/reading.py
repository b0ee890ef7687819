"""Reads a data set as ingest does, whole."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.config import DataConfig
from sightline.data import locate
from sightline.data.readers import dispatch
from sightline.data.readers.base import Reading
from sightline.records import Run
from sightline.storage.workspace import Workspace


def read_all(path: Path, **settings: Any) -> tuple[Reading, dict[str, NDArray[np.uint8]]]:
    """Return the reading and the images of each split."""
    chosen = DataConfig(dataset=str(path), **settings)
    run = Run(id="read", workspace=Workspace(path))  # no named data set is fetched
    reading, _ = dispatch.open_source(run, locate.locate(chosen), chosen)
    images = {part.split: np.concatenate(list(part.blocks())) for part in reading.examples}
    return reading, images
