import pytest

from sightline.registry.attestation import keys


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    monkeypatch.setenv("SIGHTLINE_USER", "ada")
    return tmp_path / "artifacts"


@pytest.fixture
def key(root, monkeypatch):
    """A key pair that promotions are signed with; returns the private key's path."""
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    path = root.parent / "keys" / "signing.pem"
    keys.generate(path)
    monkeypatch.setenv(keys.VARIABLE, str(path))
    return path
