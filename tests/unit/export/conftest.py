from pathlib import Path

import pytest

import model_to_export
from model_to_export import Measured
from sightline.config import ExportConfig
from sightline.records import Certificate


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return model_to_export.measured(tmp_path_factory.mktemp("shipping"))


@pytest.fixture(scope="session")
def certificate(measured: Measured) -> Certificate:
    """The model in all forms whose libraries are installed."""
    return measured.export(ExportConfig(golden_images=20))


@pytest.fixture(scope="session")
def entry(measured: Measured, certificate: Certificate) -> Path:
    """The folder of that export's cache entry; not to be changed."""
    return (measured.run.workspace.root / certificate.certificate.path).parent
