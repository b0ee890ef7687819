import base64
import json
import logging
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from runs_to_promote import digest, promote, register
from sightline import registry
from sightline.errors import InputError
from sightline.registry.attestation import keys
from sightline.registry.attestation.sign import PAYLOAD_TYPE, to_bytes
from sightline.registry.attestation.verify import verify
from sightline.storage import digests, files
from sightline.storage.workspace import Workspace


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key pair that promotions are signed with; returns the private key's path."""
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    path = tmp_path / "keys" / "signing.pem"
    keys.generate(path)
    monkeypatch.setenv(keys.VARIABLE, str(path))
    return path


def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def envelope(workspace: Workspace, number: int = 1) -> Path:
    return workspace.root / f"models/mnist/attestations/{number}.intoto.json"


def read_statement(workspace: Workspace) -> Any:
    return json.loads(base64.b64decode(json.loads(envelope(workspace).read_bytes())["payload"]))


def damage_of(workspace: Workspace, key: Path, name: str = "mnist-v1") -> dict[str, str]:
    return {damage.path: damage.found for damage in verify(workspace, name, public(key))}


def test_nothing_is_signed_without_a_key(workspace: Workspace) -> None:
    promote(workspace.root, "run-1")
    assert not envelope(workspace).exists()


def test_statement_in_in_toto_form_names_every_file(workspace: Workspace, key: Path) -> None:
    version = promote(workspace.root, "run-1")
    statement = read_statement(workspace)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {found["name"]: found["digest"]["sha256"] for found in statement["subject"]}
    folder = workspace.path(version.folder)
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert subjects == {name: digests.sha256(path) for name, path in there.items()}
    content = json.loads(envelope(workspace).read_bytes())
    assert content["payloadType"] == "application/vnd.in-toto+json"


def test_envelope_can_be_verified_by_other_tools(workspace: Workspace, key: Path) -> None:
    """Verify it by the DSSE protocol alone, without the library that signed it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    promote(workspace.root, "run-1")
    found = json.loads(envelope(workspace).read_bytes())
    kind, payload = found["payloadType"].encode(), base64.b64decode(found["payload"])
    (signature,) = found["signatures"]
    trusted = load_pem_public_key(public(key).read_bytes())
    assert isinstance(trusted, Ed25519PublicKey)
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    trusted.verify(base64.b64decode(signature["sig"]), signed)


def test_statement_describes_the_build_and_the_promotion(workspace: Workspace, key: Path) -> None:
    version = promote(workspace.root, "run-1")
    predicate = read_statement(workspace)["predicate"]
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    assert definition["externalParameters"]["config"]["recipe"] == "tutorial"
    assert definition["internalParameters"]["training"] == {"backend": "tensorflow"}
    dependencies = {d["name"]: d["digest"]["sha256"] for d in definition["resolvedDependencies"]}
    assert dependencies == {
        "data": digest("source"),
        "holdout": version.holdout_sha256,
        "code": digest("code"),
        "base.lock": digest("lock"),
    }
    assert details["metadata"] == {
        "invocationId": "run-1",
        "startedOn": "2026-11-24T01:01:03Z",
        "finishedOn": "2026-11-24T01:02:03Z",
    }
    promotion = predicate["sightline_promotion"]
    assert promotion["version"] == "mnist-v1"
    assert promotion["reason"] == "it is better"
    assert promotion["decision"]["promote"] is True


def test_any_changed_byte_of_the_statement_is_found(workspace: Workspace, key: Path) -> None:
    promote(workspace.root, "run-1")
    path = envelope(workspace)
    content = path.read_bytes()
    places = {*range(0, len(content), 29), *range(len(content) - 300, len(content))}
    for at in places:
        for bit in (1, 32):
            path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
            assert damage_of(workspace, key) != {}, at
    for changed in (content[:-1], content + b"\n", b"", b"{}", b"[" * 10_000, b"null"):
        path.write_bytes(changed)
        assert list(damage_of(workspace, key)) == ["models/mnist/attestations/1.intoto.json"]
    path.write_bytes(content)
    assert damage_of(workspace, key) == {}


def test_any_changed_byte_of_a_file_is_found(workspace: Workspace, key: Path) -> None:
    folder = workspace.path(promote(workspace.root, "run-1").folder)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        for at in range(0, len(content), max(1, len(content) // 20)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 128]) + content[at + 1 :])
            assert list(damage_of(workspace, key)) == [path.relative_to(workspace.root).as_posix()]
        path.write_bytes(content)


def test_unsigned_and_replaced_files_are_found(workspace: Workspace, key: Path) -> None:
    folder = workspace.path(promote(workspace.root, "run-1").folder)
    (folder / "exports/more.bin").touch()
    (folder / "exports/elsewhere").symlink_to("/etc")
    (folder / "model.keras").unlink()
    (folder / "exports/model.onnx").unlink()
    (folder / "exports/model.onnx").symlink_to("/etc/passwd")
    place = "models/mnist/versions/1"
    assert damage_of(workspace, key) == {
        f"{place}/exports/elsewhere": "an unsigned file",
        f"{place}/exports/model.onnx": "a link",
        f"{place}/exports/more.bin": "an unsigned file",
        f"{place}/model.keras": "no file",
    }


def test_log_without_a_signed_promotion_is_found(workspace: Workspace, key: Path) -> None:
    promote(workspace.root, "run-1")
    promote(workspace.root, "run-2")
    (workspace.root / "models/mnist/audit/000004.json").unlink()
    (workspace.root / "models/mnist/last_event.json").unlink()
    assert registry.verify(workspace, "mnist-v2").damages == ()
    assert damage_of(workspace, key) == {}
    assert damage_of(workspace, key, "mnist-v2") == {"models/mnist/audit": "none, or another event"}


def test_signature_of_another_key_is_found(workspace: Workspace, key: Path, tmp_path: Path) -> None:
    promote(workspace.root, "run-1")
    other = tmp_path / "other.pem"
    keys.generate(other)
    assert list(damage_of(workspace, other)) == ["models/mnist/attestations/1.intoto.json"]


def test_statement_of_another_version_is_found(workspace: Workspace, key: Path) -> None:
    promote(workspace.root, "run-1")
    promote(workspace.root, "run-2")
    files.copy(envelope(workspace, 1), envelope(workspace, 2))
    assert damage_of(workspace, key) == {}
    assert damage_of(workspace, key, "mnist-v2") == {
        "models/mnist/attestations/2.intoto.json": "a statement about mnist-v1"
    }


@pytest.mark.parametrize("payload", [b"1", b"[]", b"{}", b'{"_type": "a", "predicateType": "b"}'])
def test_signed_statement_of_another_form_is_found(
    workspace: Workspace, key: Path, payload: bytes
) -> None:
    from securesystemslib.dsse import Envelope

    promote(workspace.root, "run-1")
    signed = Envelope(payload, PAYLOAD_TYPE, {})
    signed.sign(keys.configured())
    envelope(workspace).write_bytes(to_bytes(signed))
    assert list(damage_of(workspace, key)) == ["models/mnist/attestations/1.intoto.json"]


def test_missing_statement_is_found(workspace: Workspace, key: Path) -> None:
    register(workspace.root, "run-1")
    assert list(damage_of(workspace, key)) == ["models/mnist/attestations/1.intoto.json"]


@pytest.mark.parametrize("damage", ["link", "folder", "pipe"])
def test_statement_that_is_not_a_regular_file_is_found(
    workspace: Workspace, key: Path, damage: str
) -> None:
    promote(workspace.root, "run-1")
    path = envelope(workspace)
    path.rename(workspace.root / "elsewhere")
    if damage == "link":
        path.symlink_to(workspace.root / "elsewhere")
    elif damage == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert list(damage_of(workspace, key)) == ["models/mnist/attestations/1.intoto.json"]


def test_unsigned_champion_is_signed_when_promoted_again(workspace: Workspace, key: Path) -> None:
    promote(workspace.root, "run-1")
    envelope(workspace).unlink()
    promote(workspace.root, "run-1")
    assert damage_of(workspace, key) == {}


def test_only_the_owner_can_read_the_private_key(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"PRIVATE" not in public(key).read_bytes()
    for taken in (key, public(key)):
        with pytest.raises(InputError, match="is not replaced"):
            keys.generate(key)
        taken.unlink()


def test_key_needs_a_name() -> None:
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    with pytest.raises(InputError, match=r"signing\.pem"):
        keys.generate(Path("/"))


def test_damaged_champion_is_not_signed(workspace: Workspace, key: Path) -> None:
    version = promote(workspace.root, "run-1")
    envelope(workspace).unlink()
    (workspace.path(version.folder) / "model.keras").write_bytes(b"another model")
    with pytest.raises(InputError, match=r"model\.keras is damaged"):
        registry.promote(workspace, version, "once more", None, version.name, forced=True)
    assert not envelope(workspace).exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_key_that_others_can_read_prevents_the_promotion(
    workspace: Workspace, key: Path, mode: int
) -> None:
    key.chmod(mode)
    with pytest.raises(InputError, match=f"{mode:04o}.*chmod 600"):
        promote(workspace.root, "run-1")
    assert registry.aliases(workspace, "mnist") == registry.Aliases(candidate="mnist-v1")


def pem(private: Any, password: bytes | None = None) -> bytes:
    from cryptography.hazmat.primitives import serialization

    encryption: Any = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    encoded: bytes = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return encoded


def test_other_kinds_of_keys_are_refused_and_never_shown(workspace: Workspace, key: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    encrypted = pem(ed25519.Ed25519PrivateKey.generate(), b"s3cret")
    elliptic = pem(ec.generate_private_key(ec.SECP256R1()))
    for content in (b"", b"s3cret", encrypted, elliptic, public(key).read_bytes()):
        key.write_bytes(content)
        with pytest.raises(InputError, match="`sightline models keygen PATH`") as refused:
            promote(workspace.root, "run-1")
        assert "s3cret" not in str(refused.value)
        assert "BEGIN" not in str(refused.value)


def test_missing_key_is_reported(workspace: Workspace, key: Path) -> None:
    key.unlink()
    with pytest.raises(InputError, match=r"SIGHTLINE_SIGNING_KEY .*: No such"):
        promote(workspace.root, "run-1")
    key.mkdir(mode=0o700)
    with pytest.raises(InputError, match=r"SIGHTLINE_SIGNING_KEY .*: Is a directory"):
        promote(workspace.root, "run-1")


def test_private_key_does_not_pass_as_public_key(workspace: Workspace, key: Path) -> None:
    promote(workspace.root, "run-1")
    with pytest.raises(InputError, match=r"\.pub"):
        verify(workspace, "mnist-v1", key)
    with pytest.raises(InputError, match=r"none\.pub.*: No such file"):
        verify(workspace, "mnist-v1", key.with_name("none.pub"))


def test_key_is_never_logged_or_stored(
    workspace: Workspace, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = key.read_text().splitlines()[1]
    promote(workspace.root, "run-1")
    verify(workspace, "mnist-v1", public(key))
    written = [path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()]
    assert secret not in caplog.text
    assert not any(secret.encode() in content for content in written)


def test_missing_extra_is_reported_with_the_command_that_installs_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    monkeypatch.setitem(sys.modules, "securesystemslib.dsse", None)
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "key"))
    for use in (
        lambda: promote(workspace.root, "run-1"),
        lambda: keys.generate(tmp_path / "key"),
        lambda: verify(workspace, "mnist-v1", tmp_path / "key.pub"),
    ):
        with pytest.raises(InputError, match=r"pip install 'sightline\[signing\]'"):
            use()
