from pathlib import Path

import pytest

from sightline.storage.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SIGHTLINE_SIGNING_KEY", raising=False)
    monkeypatch.setenv("SIGHTLINE_USER", "ada")
    return tmp_path / "artifacts"


@pytest.fixture
def workspace(root: Path) -> Workspace:
    return Workspace(root)
