import base64
import json
import logging
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import runs_to_promote
from runs_to_promote import decide
from sightline import registry
from sightline.errors import InputError
from sightline.registry import Version, attestation
from sightline.storage import digests, files
from sightline.storage.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(attestation.VARIABLE, raising=False)
    return tmp_path / "artifacts"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key pair that promotions are signed with; returns the private key's path."""
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    path = tmp_path / "keys" / "signing.pem"
    attestation.generate(path)
    monkeypatch.setenv(attestation.VARIABLE, str(path))
    return path


def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def promoted(root: Path, name: str = "run-1") -> Version:
    version = registry.register(Workspace(root), runs_to_promote.publish(root, name))
    champion = registry.aliases(Workspace(root), "mnist").champion
    registry.promote(Workspace(root), version, "it is better", decide(name, champion), champion)
    return version


def envelope(root: Path, number: int = 1) -> Path:
    return root / f"models/mnist/attestations/{number}.intoto.json"


def said(root: Path) -> Any:
    return json.loads(base64.b64decode(json.loads(envelope(root).read_bytes())["payload"]))


def wrong(root: Path, key: Path, name: str = "mnist-v1") -> dict[str, str]:
    return {
        damage.path: damage.found
        for damage in attestation.verify(Workspace(root), name, public(key))
    }


def test_nothing_is_signed_without_a_key(root: Path) -> None:
    promoted(root)
    assert not envelope(root).exists()


def test_promoted_version_is_signed_and_verified(root: Path, key: Path) -> None:
    promoted(root)
    assert wrong(root, key) == {}
    assert registry.verify(Workspace(root), "mnist-v1").damages == ()


def test_statement_is_of_the_in_toto_form_and_names_every_file(root: Path, key: Path) -> None:
    version = promoted(root)
    statement = said(root)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {found["name"]: found["digest"]["sha256"] for found in statement["subject"]}
    folder = root / version.folder
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert subjects == {name: digests.sha256(path) for name, path in there.items()}
    assert json.loads(envelope(root).read_bytes())["payloadType"] == "application/vnd.in-toto+json"


def test_envelope_is_one_that_others_can_verify(root: Path, key: Path) -> None:
    """By the protocol of DSSE alone, without the library that signed it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    promoted(root)
    found = json.loads(envelope(root).read_bytes())
    kind, payload = found["payloadType"].encode(), base64.b64decode(found["payload"])
    (signature,) = found["signatures"]
    trusted = load_pem_public_key(public(key).read_bytes())
    assert isinstance(trusted, Ed25519PublicKey)
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    trusted.verify(base64.b64decode(signature["sig"]), signed)


def test_statement_says_what_it_was_made_from_and_why_it_was_promoted(
    root: Path, key: Path
) -> None:
    version = promoted(root)
    predicate = said(root)["predicate"]
    definition, details = predicate["buildDefinition"], predicate["runDetails"]
    assert definition["externalParameters"]["config"]["recipe"] == "tutorial"
    assert definition["internalParameters"]["training"] == {"backend": "tensorflow"}
    dependencies = {d["name"]: d["digest"]["sha256"] for d in definition["resolvedDependencies"]}
    assert dependencies == {
        "data": runs_to_promote.digest("source"),
        "holdout": version.holdout_sha256,
        "code": runs_to_promote.digest("code"),
        "base.lock": runs_to_promote.digest("lock"),
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


def test_any_changed_byte_of_the_statement_is_found(root: Path, key: Path) -> None:
    promoted(root)
    path = envelope(root)
    content = path.read_bytes()
    places = {*range(0, len(content), 29), *range(len(content) - 300, len(content))}
    for at in places:
        for bit in (1, 32):
            path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
            assert wrong(root, key) != {}, at
    for changed in (content[:-1], content + b"\n", b"", b"{}", b"[" * 10_000, b"null"):
        path.write_bytes(changed)
        assert list(wrong(root, key)) == ["models/mnist/attestations/1.intoto.json"]
    path.write_bytes(content)
    assert wrong(root, key) == {}


def test_any_changed_byte_of_a_file_is_found(root: Path, key: Path) -> None:
    folder = root / promoted(root).folder
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        for at in range(0, len(content), max(1, len(content) // 20)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 128]) + content[at + 1 :])
            assert list(wrong(root, key)) == [path.relative_to(root).as_posix()]
        path.write_bytes(content)


def test_file_that_was_not_signed_is_found(root: Path, key: Path) -> None:
    folder = root / promoted(root).folder
    (folder / "exports/more.bin").touch()
    (folder / "exports/elsewhere").symlink_to("/etc")
    (folder / "model.keras").unlink()
    (folder / "exports/model.onnx").unlink()
    (folder / "exports/model.onnx").symlink_to("/etc/passwd")
    place = "models/mnist/versions/1"
    assert wrong(root, key) == {
        f"{place}/exports/elsewhere": "what was not signed",
        f"{place}/exports/model.onnx": "a link",
        f"{place}/exports/more.bin": "what was not signed",
        f"{place}/model.keras": "no plain file",
    }


def test_log_that_was_cut_off_before_a_signed_promotion_is_found(root: Path, key: Path) -> None:
    promoted(root)
    promoted(root, "run-2")
    (root / "models/mnist/audit/000004.json").unlink()
    (root / "models/mnist/last_event.json").unlink()
    assert registry.verify(Workspace(root), "mnist-v2").damages == ()
    assert wrong(root, key) == {}
    assert wrong(root, key, "mnist-v2") == {"models/mnist/audit": "none, or another event"}


def test_signature_of_another_key_is_found(root: Path, key: Path, tmp_path: Path) -> None:
    promoted(root)
    other = tmp_path / "other.pem"
    attestation.generate(other)
    assert list(wrong(root, other)) == ["models/mnist/attestations/1.intoto.json"]


def test_statement_of_another_version_is_found(root: Path, key: Path) -> None:
    promoted(root, "run-1")
    promoted(root, "run-2")
    files.copy(envelope(root, 1), envelope(root, 2))
    assert wrong(root, key) == {}
    assert wrong(root, key, "mnist-v2") == {
        "models/mnist/attestations/2.intoto.json": "it is about mnist-v1"
    }


def test_missing_statement_is_found(root: Path, key: Path) -> None:
    registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    assert wrong(root, key) == {
        "models/mnist/attestations/1.intoto.json": "no statement: it was promoted without a key or "
        "not at all, or the file was removed"
    }


@pytest.mark.parametrize("damage", ["link", "folder", "pipe"])
def test_statement_that_is_no_plain_file_is_found(root: Path, key: Path, damage: str) -> None:
    promoted(root)
    path = envelope(root)
    path.rename(root / "elsewhere")
    if damage == "link":
        path.symlink_to(root / "elsewhere")
    elif damage == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert list(wrong(root, key)) == ["models/mnist/attestations/1.intoto.json"]


def test_version_that_was_promoted_by_a_killed_process_is_signed_the_next_time(
    root: Path, key: Path
) -> None:
    promoted(root)
    envelope(root).unlink()
    promoted(root)
    assert wrong(root, key) == {}


def test_private_key_is_for_its_owner_alone(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"PRIVATE" not in public(key).read_bytes()
    for taken in (key, public(key)):
        with pytest.raises(InputError, match="is there already and is not replaced"):
            attestation.generate(key)
        taken.unlink()


def test_key_needs_a_name() -> None:
    pytest.importorskip("securesystemslib", reason="needs the extra signing")
    with pytest.raises(InputError, match="/ is no name of a file; give one such as"):
        attestation.generate(Path("/"))


def test_damaged_champion_is_not_signed(root: Path, key: Path) -> None:
    version = promoted(root)
    envelope(root).unlink()
    (root / version.folder / "model.keras").write_bytes(b"another model")
    with pytest.raises(InputError, match=r"model\.keras is damaged"):
        registry.promote(Workspace(root), version, "once more", None, version.name, forced=True)
    assert not envelope(root).exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_key_that_others_can_read_stops_the_promotion_before_it_begins(
    root: Path, key: Path, mode: int
) -> None:
    key.chmod(mode)
    with pytest.raises(InputError, match=f"can be read by others .mode {mode:04o}."):
        promoted(root)
    assert registry.aliases(Workspace(root), "mnist") == registry.Aliases(candidate="mnist-v1")


def encrypted() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"s3cret"),
    )


def elliptic() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_key_of_another_kind_is_refused_without_showing_it(root: Path, key: Path) -> None:
    for content in (b"", b"s3cret", encrypted(), elliptic(), public(key).read_bytes()):
        key.write_bytes(content)
        with pytest.raises(InputError, match="is no Ed25519 private key in PEM form") as refused:
            promoted(root)
        assert "s3cret" not in str(refused.value)
        assert "BEGIN" not in str(refused.value)


def test_missing_key_is_said(root: Path, key: Path) -> None:
    key.unlink()
    with pytest.raises(InputError, match="SIGHTLINE_SIGNING_KEY names, cannot be read: No such"):
        promoted(root)
    key.mkdir(mode=0o700)
    with pytest.raises(InputError, match="names, cannot be read: Is a directory"):
        promoted(root)


def test_private_key_is_no_public_one(root: Path, key: Path) -> None:
    promoted(root)
    with pytest.raises(InputError, match="expected the file that ends with"):
        attestation.verify(Workspace(root), "mnist-v1", key)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        attestation.verify(Workspace(root), "mnist-v1", key.with_name("none.pub"))


def test_nothing_of_the_key_is_logged(
    root: Path, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = key.read_text().splitlines()[1]
    promoted(root)
    attestation.verify(Workspace(root), "mnist-v1", public(key))
    written = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    assert secret not in caplog.text
    assert not any(secret.encode() in content for content in written)


def test_missing_extra_is_said_with_the_command_that_installs_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    monkeypatch.setitem(sys.modules, "securesystemslib.dsse", None)
    monkeypatch.setenv(attestation.VARIABLE, str(tmp_path / "key"))
    for ask in (
        lambda: promoted(root),
        lambda: attestation.generate(tmp_path / "key"),
        lambda: attestation.verify(Workspace(root), "mnist-v1", tmp_path / "key.pub"),
    ):
        with pytest.raises(InputError, match=r"pip install 'sightline\[signing\]'"):
            ask()
