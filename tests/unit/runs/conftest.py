from pathlib import Path

import pytest

import runs_to_compare
from sightline.records import DatasetFiles
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "artifacts")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> DatasetFiles:
    """Four classes and forty test images; their files are in another workspace."""
    folder = tmp_path_factory.mktemp("dataset")
    return runs_to_compare.ingested(folder / "artifacts", folder)
