import pytest

import runs_to_compare


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Four classes and forty test images; their files are in another workspace."""
    folder = tmp_path_factory.mktemp("dataset")
    return runs_to_compare.ingested(folder / "artifacts", folder)
