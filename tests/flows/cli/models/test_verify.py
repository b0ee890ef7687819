import shutil
from pathlib import Path

import pytest

from models_command import invoke, promote, refused
from sightline.registry.attestation import keys


def test_verify_finds_a_changed_byte(root: Path) -> None:
    done = invoke("verify")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("ok") == 4
    model = root / "models/mnist/versions/2/model.keras"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    done = invoke("verify")
    assert done.exit_code == 1
    assert "models/mnist/versions/2/model.keras: expected SHA-256" in done.stderr
    assert invoke("verify", "mnist-v1").exit_code == 0


def test_verify_names_the_damage_of_a_log_once(root: Path) -> None:
    (root / "models/mnist/audit/000002.json").unlink()
    done = invoke("verify")
    assert done.exit_code == 1
    assert done.stderr.count("000002.json cannot be read") == 1
    assert "000002.json cannot be read" in refused("list")


def test_verify_names_the_damage_of_a_log_without_versions(root: Path) -> None:
    shutil.rmtree(root / "models/zoo/versions")
    (root / "models/zoo/audit/000002.json").write_text("{}")
    for arguments in ((), ("--dataset", "zoo")):
        done = invoke("verify", *arguments)
        assert done.exit_code == 1
        assert done.stderr.count("000002.json cannot be read") == 1
    assert invoke("verify", "mnist-v1").exit_code == 0


@pytest.fixture
def signed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fourth version of mnist, promoted with a key."""
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    done = invoke("keygen", "signing.pem")
    assert done.exit_code == 0, done.output
    assert "PRIVATE" not in done.output
    monkeypatch.setenv(keys.VARIABLE, "signing.pem")
    promote(root, "run-4")
    return root / "models/mnist"


def test_signed_provenance_is_verified_with_the_public_key(signed: Path) -> None:
    done = invoke("verify", "mnist-v4", "--key", "signing.pem.pub")
    assert done.exit_code == 0, done.output
    envelope = signed / "attestations/4.intoto.json"
    envelope.write_bytes(envelope.read_bytes().replace(b"a", b"b", 1))
    done = invoke("verify", "champion", "--dataset", "mnist", "--key", "signing.pem.pub")
    assert done.exit_code == 1
    assert "attestations/4.intoto.json" in done.stderr


def test_signature_is_checked_whatever_the_log_says(signed: Path) -> None:
    (signed / "audit/000002.json").write_text("{}")
    (signed / "versions/4/model.keras").write_bytes(b"another")
    done = invoke("verify", "--dataset", "mnist", "--key", "signing.pem.pub")
    assert done.exit_code == 1
    assert ", as signed, found SHA-256" in done.stderr


def test_promotion_that_was_not_signed_is_found_where_a_key_is_given(root: Path) -> None:
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    assert invoke("keygen", "signing.pem").exit_code == 0
    done = invoke("verify", "--key", "signing.pem.pub")
    assert done.exit_code == 1
    assert "not promoted" in done.stdout
    assert done.stderr.count("promoted without a key") == 3
    assert done.stdout.count("not signed") == 3


def test_root_is_no_name_of_a_key() -> None:
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    assert "signing.pem" in refused("keygen", "/")


def test_usage_names_an_optional_model_once() -> None:
    assert "[MODEL]" in invoke("verify", "--help").stdout
    assert "[[MODEL]]" not in invoke("verify", "--help").stdout
