import logging
import stat
import sys
from pathlib import Path

import pytest

from runs_to_promote import promote
from sightline import registry
from sightline.errors import InputError
from sightline.registry.attestation import keys
from sightline.registry.attestation.verify import verify


def test_only_the_owner_can_read_the_private_key_and_no_file_is_replaced(key):
    public = key.with_name("signing.pem.pub")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"PRIVATE" not in public.read_bytes()
    for taken in (key, public):
        with pytest.raises(InputError, match=f"{taken} exists"):
            keys.generate(key)
        taken.unlink()
    with pytest.raises(InputError, match=r"signing\.pem"):
        keys.generate(Path("/"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_key_that_others_can_read_is_refused(workspace, key, mode):
    key.chmod(mode)
    with pytest.raises(InputError, match=f"{mode:04o}.*chmod 600"):
        promote(workspace.root, "run-1")
    assert registry.aliases(workspace, "mnist") == registry.Aliases(candidate="mnist-v1")


def test_other_kinds_of_keys_are_refused_and_never_shown(key):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    password = serialization.BestAvailableEncryption(b"s3cret")
    encrypted = ed25519.Ed25519PrivateKey.generate().private_bytes(*form, password)
    private = ec.generate_private_key(ec.SECP256R1())
    elliptic = private.private_bytes(*form, serialization.NoEncryption())
    public = key.with_name("signing.pem.pub").read_bytes()
    for content in (b"", b"s3cret", encrypted, elliptic, public):
        key.write_bytes(content)
        with pytest.raises(InputError, match="`sightline models keygen PATH`") as refused:
            keys.configured()
        assert "s3cret" not in str(refused.value)
        assert "BEGIN" not in str(refused.value)


def test_missing_or_private_key_is_named(key):
    with pytest.raises(InputError, match=f"{key} .*\\.pub"):
        keys.read_public(key)
    key.unlink()
    with pytest.raises(InputError, match=f"{key}.*{keys.VARIABLE}.*: No such"):
        keys.configured()
    with pytest.raises(InputError, match=str(key)):
        keys.read_public(key)
    key.mkdir(mode=0o700)
    with pytest.raises(InputError, match=f"{key}.*{keys.VARIABLE}.*: Is a directory"):
        keys.configured()


def test_key_is_never_logged_or_stored(workspace, key, caplog):
    caplog.set_level(logging.DEBUG)
    secret = key.read_text().splitlines()[1]
    promote(workspace.root, "run-1")
    assert verify(workspace, "mnist-v1", key.with_name("signing.pem.pub")) == ()
    written = [path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()]
    assert secret not in caplog.text
    assert not any(secret.encode() in content for content in written)


def test_missing_extra_is_reported(workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    monkeypatch.setitem(sys.modules, "securesystemslib.dsse", None)
    monkeypatch.setenv(keys.VARIABLE, "signing.pem")
    for use in (
        lambda: promote(workspace.root, "run-1"),
        lambda: keys.generate(Path("signing.pem")),
        lambda: verify(workspace, "mnist-v1", Path("signing.pem.pub")),
    ):
        with pytest.raises(InputError, match=r"pip install 'sightline\[signing\]'"):
            use()
