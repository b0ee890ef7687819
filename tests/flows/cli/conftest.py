import logging

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
