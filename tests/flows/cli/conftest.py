import logging
import os
from unittest.mock import patch

import pytest

from sightline.registry.attestation import keys


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A wide terminal in an empty folder, without any configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    for name in ("ARTIFACTS", "DATA_DIR", "MIRROR"):
        monkeypatch.delenv(f"SIGHTLINE_{name}", raising=False)
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    monkeypatch.setattr(logging.getLogger("sightline"), "handlers", [])  # commands add to them
    return tmp_path


@pytest.fixture
def configured_server(prefect_api, place):
    """The server of the tests; what a command sets in the environment is taken back."""
    from prefect.settings import PREFECT_API_URL

    with patch.dict(os.environ, PREFECT_API_URL=str(PREFECT_API_URL.value())):
        yield
