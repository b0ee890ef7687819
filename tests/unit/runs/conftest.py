import pytest

import runs_to_compare
from sightline.records import DatasetFiles


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> DatasetFiles:
    """Four classes and forty test images; their files are in another workspace."""
    folder = tmp_path_factory.mktemp("dataset")
    return runs_to_compare.ingested(folder / "artifacts", folder)
