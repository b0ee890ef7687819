import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import runs_to_promote
from runs_to_promote import decide
from sightline import registry
from sightline.errors import InputError
from sightline.storage import digests, files, json_digest
from sightline.storage.workspace import Workspace


@pytest.fixture
def folder(root: Path) -> Path:
    version = registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    registry.promote(Workspace(root), version, "first", decide("run-1"), None)
    return root / version.folder


def found(root: Path, name: str = "mnist-v1") -> dict[str, str]:
    return {damage.path: damage.found for damage in registry.verify(Workspace(root), name).damages}


def test_whole_version_has_no_damage(root: Path, folder: Path) -> None:
    verdict = registry.verify(Workspace(root), "mnist-v1")
    there = [path for path in folder.rglob("*") if path.is_file()]
    assert verdict.damages == ()
    assert verdict.files == len(there) == 7
    assert registry.names(Workspace(root)) == ["mnist-v1"]


def test_every_changed_byte_of_every_file_is_found(root: Path, folder: Path) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        for at in range(0, len(content), max(1, len(content) // 40)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
            name = path.relative_to(root).as_posix()
            assert name in found(root), (name, at)
        path.write_bytes(content)
    assert found(root) == {}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "model.keras": lambda folder: (folder / "model.keras").unlink(),
    "certificate.json": lambda folder: os.truncate(folder / "certificate.json", 0),
    "exports/model.onnx": lambda folder: (
        (folder / "exports/model.onnx").rename(folder.parent.parent / "x"),
        (folder / "exports/model.onnx").symlink_to(folder.parent.parent / "x"),
    ),
    "exports/saved_model/saved_model.pb": lambda folder: (
        (folder / "exports/saved_model/saved_model.pb").unlink(),
        (folder / "exports/saved_model/saved_model.pb").mkdir(),
    ),
    "manifest.json": lambda folder: (
        (folder / "manifest.json").unlink(),
        os.mkfifo(folder / "manifest.json"),
    ),
    "exports/more.bin": lambda folder: (folder / "exports/more.bin").touch(),
    "exports/more": lambda folder: (folder / "exports/more").mkdir(),
    "exports/assets": lambda folder: (folder / "exports/assets").symlink_to("/etc"),
    ".hidden": lambda folder: (folder / ".hidden").touch(),
    "version.json": lambda folder: (folder / "version.json").unlink(),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGES.items(), ids=DAMAGES.keys())
def test_missing_and_unexpected_files_are_found(
    root: Path, folder: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(folder)
    assert f"models/mnist/versions/1/{name}" in found(root)


def test_version_that_was_changed_and_sealed_again_is_found(root: Path, folder: Path) -> None:
    """All digests in the version fit; that of the audit log does not."""
    path, model = folder / "version.json", folder / "model.keras"
    model.write_bytes(b"another model")
    content = json.loads(json_digest.verify(path.read_bytes()))
    content["files"]["model.keras"].update(sha256=digests.sha256(model), bytes=13)
    path.write_bytes(json_digest.dumps(content))
    assert "was changed since mnist-v1 was registered" in "".join(found(root).values())
    for ask in (
        lambda: registry.resolve(Workspace(root), "champion"),
        lambda: registry.champion(Workspace(root), "mnist"),
        lambda: registry.versions(Workspace(root)),
    ):
        with pytest.raises(InputError, match="was changed since mnist-v1 was registered"):
            ask()


def test_version_in_the_folder_of_another_is_found(root: Path, folder: Path) -> None:
    second = registry.register(Workspace(root), runs_to_promote.publish(root, "run-2"))
    files.copy(folder / "version.json", root / second.folder / "version.json")
    with pytest.raises(InputError, match="is that of mnist-v1, expected mnist-v2"):
        registry.resolve(Workspace(root), "mnist-v2")
    assert list(found(root, "mnist-v2")) == ["models/mnist/versions/2/version.json"]
    assert found(root, "mnist-v1") == {}


def test_damaged_version_is_left_out_of_a_list_that_wants_so(root: Path, folder: Path) -> None:
    second = registry.register(Workspace(root), runs_to_promote.publish(root, "run-2"))
    (folder / "version.json").write_bytes(b"{}")
    left_out: list[InputError] = []
    assert registry.versions(Workspace(root), None, left_out.append) == [second]
    assert "versions/1/version.json cannot be read" in str(left_out[0])


def test_version_that_is_gone_is_damaged_and_not_forgotten(root: Path, folder: Path) -> None:
    files.remove(folder)
    assert registry.names(Workspace(root)) == ["mnist-v1"]
    assert found(root)


def test_version_without_an_event_is_found(root: Path, folder: Path) -> None:
    files.remove(root / "models/mnist/audit")
    files.remove(root / "models/mnist/last_event.json")
    assert registry.names(Workspace(root)) == ["mnist-v1"]
    assert list(found(root)) == ["models/mnist/versions/1"]
    assert "none: what made it was killed before it was done" in "".join(found(root).values())


@pytest.mark.parametrize("name", ["mnist-v2", "champion", "../x-v1", "zoo-v1", ""])
def test_what_was_never_there_cannot_be_checked(root: Path, folder: Path, name: str) -> None:
    with pytest.raises(InputError, match="There is no version"):
        registry.verify(Workspace(root), name)
