from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SIGHTLINE_SIGNING_KEY", raising=False)
    monkeypatch.setenv("SIGHTLINE_USER", "ada")
    return tmp_path / "artifacts"
