import itertools
import os
import shutil

import pytest

from file_damage import changed_bytes
from runs_to_promote import promote
from sightline import registry
from sightline.registry.attestation import keys
from sightline.registry.attestation.sign import PAYLOAD_TYPE, to_bytes
from sightline.registry.attestation.verify import verify

ENVELOPE = "models/mnist/attestations/1.intoto.json"


@pytest.fixture(autouse=True)
def folder(root, key):
    """The folder of mnist-v1, which was promoted with a signature."""
    return root / promote(root, "run-1").folder


def damage_of(workspace, key, name="mnist-v1"):
    public = key.with_name(f"{key.name}.pub")
    return {damage.path: damage.found for damage in verify(workspace, name, public)}


def test_any_changed_byte_of_a_file_or_the_statement_is_found(workspace, key, folder):
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        for _ in changed_bytes(path, max(1, path.stat().st_size // 20), 128):
            assert list(damage_of(workspace, key)) == [path.relative_to(workspace.root).as_posix()]
    path = workspace.path(ENVELOPE)
    content = path.read_bytes()
    changes = (changed_bytes(path, 29, 1, 32), changed_bytes(path, 1, 1, 32, start=-300))
    for place in itertools.chain(*changes):
        assert damage_of(workspace, key) != {}, place
    assert damage_of(workspace, key) == {}
    for changed in (content[:-1], content + b"\n", b"", b"{}", b"[" * 10_000, b"null"):
        path.write_bytes(changed)
        assert list(damage_of(workspace, key)) == [ENVELOPE]


def test_unsigned_and_replaced_files_are_found(workspace, key, folder):
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


def test_log_without_a_signed_promotion_is_found(workspace, key):
    promote(workspace.root, "run-2")
    workspace.path("models/mnist/audit/000004.json").unlink()
    workspace.path("models/mnist/last_event.json").unlink()
    assert registry.verify(workspace, "mnist-v2").damages == ()
    assert damage_of(workspace, key) == {}
    assert damage_of(workspace, key, "mnist-v2") == {"models/mnist/audit": "none, or another event"}


def test_signature_of_another_key_and_statement_of_another_version_are_found(workspace, key):
    keys.generate(key.with_name("other.pem"))
    assert list(damage_of(workspace, key.with_name("other.pem"))) == [ENVELOPE]
    promote(workspace.root, "run-2")
    second = ENVELOPE.replace("1.", "2.")
    shutil.copyfile(workspace.path(ENVELOPE), workspace.path(second))
    assert damage_of(workspace, key) == {}
    assert damage_of(workspace, key, "mnist-v2") == {second: "a statement about mnist-v1"}


@pytest.mark.parametrize(
    "found",
    ["missing", "link", "folder", "pipe", b"1", b"[]", b"{}", b'{"_type": 1, "predicateType": 2}'],
)
def test_anything_but_a_signed_regular_file_is_found(workspace, key, found):
    from securesystemslib.dsse import Envelope

    path = workspace.path(ENVELOPE)
    moved = path.rename(workspace.path("elsewhere"))
    if found == "link":
        path.symlink_to(moved)
    elif found == "folder":
        path.mkdir()
    elif found == "pipe":
        os.mkfifo(path)
    elif isinstance(found, bytes):
        envelope = Envelope(found, PAYLOAD_TYPE, {})
        envelope.sign(keys.configured())
        path.write_bytes(to_bytes(envelope))
    assert list(damage_of(workspace, key)) == [ENVELOPE]
