from pathlib import Path

import pytest

import runs_to_promote
from models_command import promote
from sightline.registry.attestation import keys


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mnist has had two champions and has a candidate; zoo has a champion."""
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("SIGHTLINE_USER", "ada")
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "artifacts"
    for number in (1, 2):
        promote(root, f"run-{number}")
    runs_to_promote.register(root, "run-3", accuracy=0.97)
    promote(root, "zoo-1", "zoo")
    return root
