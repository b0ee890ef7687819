import itertools
import os
import shutil
from pathlib import Path

import pytest

from file_damage import changed_bytes
from runs_to_promote import promote
from sightline import registry
from sightline.registry.attestation import keys
from sightline.registry.attestation.sign import PAYLOAD_TYPE, to_bytes
from sightline.registry.attestation.verify import verify
from sightline.storage.workspace import Workspace

ENVELOPE = "models/mnist/attestations/1.intoto.json"


class Signed:
    """A workspace in which mnist-v1 was promoted with a signature."""

    def __init__(self, root: Path, key: Path) -> None:
        self.root, self.key = root, key
        self.envelope = root / ENVELOPE
        self.folder = root / promote(root, "run-1").folder

    def damage(self, name: str = "mnist-v1") -> dict[str, str]:
        public = self.key.with_name(f"{self.key.name}.pub")
        return {damage.path: damage.found for damage in verify(Workspace(self.root), name, public)}


@pytest.fixture
def signed(root: Path, key: Path) -> Signed:
    return Signed(root, key)


def test_any_changed_byte_of_the_statement_is_found(signed):
    path, content = signed.envelope, signed.envelope.read_bytes()
    changes = (changed_bytes(path, 29, 1, 32), changed_bytes(path, 1, 1, 32, start=-300))
    for place in itertools.chain(*changes):
        assert signed.damage() != {}, place
    assert signed.damage() == {}
    for changed in (content[:-1], content + b"\n", b"", b"{}", b"[" * 10_000, b"null"):
        path.write_bytes(changed)
        assert list(signed.damage()) == [ENVELOPE]


def test_any_changed_byte_of_a_file_is_found(signed):
    for path in [path for path in signed.folder.rglob("*") if path.is_file()]:
        for _ in changed_bytes(path, max(1, path.stat().st_size // 20), 128):
            assert list(signed.damage()) == [path.relative_to(signed.root).as_posix()]


def test_unsigned_and_replaced_files_are_found(signed):
    (signed.folder / "exports/more.bin").touch()
    (signed.folder / "exports/elsewhere").symlink_to("/etc")
    (signed.folder / "model.keras").unlink()
    (signed.folder / "exports/model.onnx").unlink()
    (signed.folder / "exports/model.onnx").symlink_to("/etc/passwd")
    place = "models/mnist/versions/1"
    assert signed.damage() == {
        f"{place}/exports/elsewhere": "an unsigned file",
        f"{place}/exports/model.onnx": "a link",
        f"{place}/exports/more.bin": "an unsigned file",
        f"{place}/model.keras": "no file",
    }


def test_log_without_a_signed_promotion_is_found(signed):
    promote(signed.root, "run-2")
    (signed.root / "models/mnist/audit/000004.json").unlink()
    (signed.root / "models/mnist/last_event.json").unlink()
    assert registry.verify(Workspace(signed.root), "mnist-v2").damages == ()
    assert signed.damage() == {}
    assert signed.damage("mnist-v2") == {"models/mnist/audit": "none, or another event"}


def test_signature_of_another_key_is_found(signed, tmp_path):
    signed.key = tmp_path / "other.pem"
    keys.generate(signed.key)
    assert list(signed.damage()) == [ENVELOPE]


def test_statement_of_another_version_is_found(signed):
    promote(signed.root, "run-2")
    second = ENVELOPE.replace("1.", "2.")
    shutil.copyfile(signed.envelope, signed.root / second)
    assert signed.damage() == {}
    assert signed.damage("mnist-v2") == {second: "a statement about mnist-v1"}


@pytest.mark.parametrize(
    "found",
    ["missing", "link", "folder", "pipe", b"1", b"[]", b"{}", b'{"_type": 1, "predicateType": 2}'],
)
def test_anything_but_a_signed_regular_file_is_found(signed, found):
    from securesystemslib.dsse import Envelope

    signed.envelope.rename(signed.root / "elsewhere")
    if found == "link":
        signed.envelope.symlink_to(signed.root / "elsewhere")
    elif found == "folder":
        signed.envelope.mkdir()
    elif found == "pipe":
        os.mkfifo(signed.envelope)
    elif isinstance(found, bytes):
        envelope = Envelope(found, PAYLOAD_TYPE, {})
        envelope.sign(keys.configured())
        signed.envelope.write_bytes(to_bytes(envelope))
    assert list(signed.damage()) == [ENVELOPE]
