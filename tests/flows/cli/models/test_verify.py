import json
import shutil
from pathlib import Path

import pytest

import runs_to_promote
from cli import refused, sightline
from sightline.registry.attestation import keys


def test_verify_finds_a_changed_byte(root):
    assert sightline("models verify").stdout.count("ok") == 4
    model = root / "models/mnist/versions/2/model.keras"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    done = sightline("models verify", code=1)
    assert "models/mnist/versions/2/model.keras: expected SHA-256" in done.stderr
    found = json.loads(sightline("models verify --json", code=1).stdout)
    assert [one["version"] for one in found["versions"] if one["damages"]] == ["mnist-v2"]
    assert [one["path"] for one in found["damages"]] == ["models/mnist/versions/2/model.keras"]
    sightline("models verify mnist-v1")


def test_verify_names_the_damage_of_a_log_once(root):
    (root / "models/mnist/audit/000002.json").unlink()
    assert sightline("models verify", code=1).stderr.count("000002.json cannot be read") == 1
    assert "000002.json cannot be read" in refused("models list")


def test_verify_names_the_damage_of_a_log_without_versions(root):
    shutil.rmtree(root / "models/zoo/versions")
    (root / "models/zoo/audit/000002.json").write_text("{}")
    for line in ("models verify", "models verify --dataset zoo"):
        assert sightline(line, code=1).stderr.count("000002.json cannot be read") == 1
    sightline("models verify mnist-v1")


@pytest.fixture
def key(root):
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    assert "PRIVATE" not in sightline("models keygen signing.pem").output
    return Path("signing.pem")


@pytest.fixture
def signed(root, key, monkeypatch):
    """A fourth version of mnist, promoted with a key."""
    monkeypatch.setenv(keys.VARIABLE, str(key))
    runs_to_promote.promote(root, "run-4")
    return root / "models/mnist"


def test_signed_provenance_is_verified_with_the_public_key(signed):
    sightline("models verify mnist-v4 --key signing.pem.pub")
    envelope = signed / "attestations/4.intoto.json"
    envelope.write_bytes(envelope.read_bytes().replace(b"a", b"b", 1))
    done = sightline("models verify champion --dataset mnist --key signing.pem.pub", code=1)
    assert "attestations/4.intoto.json" in done.stderr


def test_signature_is_checked_whatever_the_log_says(signed):
    (signed / "audit/000002.json").write_text("{}")
    (signed / "versions/4/model.keras").write_bytes(b"another")
    done = sightline("models verify --dataset mnist --key signing.pem.pub", code=1)
    assert ", as signed, found SHA-256" in done.stderr


def test_promotion_that_was_not_signed_is_found_where_a_key_is_given(key):
    done = sightline("models verify --key signing.pem.pub", code=1)
    assert "not promoted" in done.stdout
    assert done.stderr.count("promoted without a key") == 3
    assert done.stdout.count("not signed") == 3


def test_unusable_path_of_a_key_is_refused(key):
    assert "signing.pem" in refused("models keygen /")
    assert "none.pub" in refused("models verify mnist-v1 --key none.pub")


def test_usage_names_an_optional_model_once():
    usage = sightline("models verify --help").stdout
    assert "[MODEL]" in usage
    assert "[[MODEL]]" not in usage
