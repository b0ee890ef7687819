from pathlib import Path

import pytest
from examples import write_npz

from sightline import datasets, ingestion
from sightline.config import DataConfig
from sightline.records import DatasetFiles, Run


@pytest.fixture
def files(run: Run, tmp_path: Path) -> DatasetFiles:
    settings = DataConfig(dataset=str(write_npz(tmp_path / "textures.npz")))
    return ingestion.ingest(run, datasets.locate(settings), settings)
