from pathlib import Path

import pytest

from sightline.registry.attestation import keys


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key pair that promotions are signed with; returns the private key's path."""
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    path = tmp_path / "keys" / "signing.pem"
    keys.generate(path)
    monkeypatch.setenv(keys.VARIABLE, str(path))
    return path
