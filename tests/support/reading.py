"""Read, ingest and split complete data sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from examples import write_npz
from sightline.config import DataConfig, PreprocessingConfig
from sightline.data import ingest as ingestion
from sightline.data import locate, preprocess
from sightline.data.readers import dispatch
from sightline.data.readers.base import RawDataset
from sightline.errors import DataError
from sightline.records import ArraySet, DatasetFiles, Run
from sightline.storage.workspace import Workspace


def read_all(path: Path, **settings: Any) -> tuple[RawDataset, dict[str, NDArray[np.uint8]]]:
    """Return the data set and the images of each split."""
    chosen = DataConfig(dataset=str(path), **settings)
    run = Run(id="read", workspace=Workspace(path))
    raw, _ = dispatch.open_source(run, locate.locate(chosen), chosen)
    images = {split.name: [block.images for block in split.images()] for split in raw.splits}
    return raw, {name: np.concatenate(blocks) for name, blocks in images.items()}


def check_unreadable(path: Path, *facts: str, **settings: Any) -> None:
    """Check that reading fails with an error that names all facts."""
    with pytest.raises(DataError) as caught:
        read_all(path, **settings)
    assert [fact for fact in facts if fact not in str(caught.value)] == []


def ingest(run: Run, path: object, **settings: Any) -> DatasetFiles:
    """Ingest the data set at a path."""
    config = DataConfig(dataset=str(path), **settings)
    return ingestion.ingest(run, locate.locate(config), config)


def prepare_textures(
    folder: Path, validation_fraction: float = 0.2
) -> tuple[Run, DatasetFiles, ArraySet]:
    """Ingest and split a small data set in a new workspace."""
    run = Run(id="textures", workspace=Workspace(folder / "artifacts"))
    files = ingest(run, write_npz(folder / "textures.npz"))
    splits = PreprocessingConfig(validation_fraction=validation_fraction)
    return run, files, preprocess.preprocess(run, files, splits)


def ingest_arrays(
    run: Run, path: Path, settings: dict[str, Any] | None = None, **arrays: Any
) -> DatasetFiles:
    """Save arrays as an NPZ archive and ingest it."""
    np.savez(path, **arrays)
    return ingest(run, path, **(settings or {}))
