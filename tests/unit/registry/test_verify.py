import json
import os
import shutil
from pathlib import Path

import pytest

from file_damage import changed_bytes
from runs_to_promote import promote, register
from sightline import registry
from sightline.errors import InputError
from sightline.storage import digests, files, json_digest


@pytest.fixture
def folder(root):
    return root / promote(root, "run-1").folder


def damage_of(workspace, name="mnist-v1"):
    return {damage.path: damage.found for damage in registry.verify(workspace, name).damages}


def test_every_changed_byte_of_every_file_is_found(workspace, folder):
    paths = [path for path in folder.rglob("*") if path.is_file()]
    for path in paths:
        for at in changed_bytes(path, max(1, path.stat().st_size // 40), 4):
            assert path.relative_to(workspace.root).as_posix() in damage_of(workspace), (path, at)
    found = registry.verify(workspace, "mnist-v1")
    assert (found.damages, found.files) == ((), len(paths)) == ((), 8)


DAMAGES = {
    "model.keras": Path.unlink,
    "version.json": Path.unlink,
    "certificate.json": lambda path: os.truncate(path, 0),
    "exports/model.onnx": lambda path: path.symlink_to(path.rename(path.parents[3] / "x")),
    "exports/saved_model/saved_model.pb": lambda path: (path.unlink(), path.mkdir()),
    "manifest.json": lambda path: (path.unlink(), os.mkfifo(path)),
    "exports/more.bin": Path.touch,
    ".hidden": Path.touch,
    "exports/more": Path.mkdir,
    "exports/assets": lambda path: path.symlink_to("/etc"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_missing_or_other_files_are_found(workspace, folder, name):
    DAMAGES[name](folder / name)
    assert f"models/mnist/versions/1/{name}" in damage_of(workspace)


def test_version_with_recomputed_digests_is_found(workspace, folder):
    """All digests in the version match; that in the audit log does not."""
    path, model = folder / "version.json", folder / "model.keras"
    model.write_bytes(b"another model")
    content = json.loads(json_digest.verify(path.read_bytes()))
    content["files"]["model.keras"].update(sha256=digests.sha256(model), bytes=13)
    path.write_bytes(json_digest.dumps(content))
    assert list(damage_of(workspace)) == ["models/mnist/versions/1/version.json"]
    for read in (registry.champion, registry.versions):
        with pytest.raises(InputError, match=r"1/version\.json .* mnist-v1 .*expected SHA-256"):
            read(workspace, "mnist")


def test_version_in_the_folder_of_another_is_found(workspace, folder):
    second = register(workspace.root, "run-2")
    shutil.copyfile(folder / "version.json", workspace.path(second.folder) / "version.json")
    with pytest.raises(InputError, match="mnist-v1, expected mnist-v2"):
        registry.resolve(workspace, "mnist-v2")
    assert list(damage_of(workspace, "mnist-v2")) == ["models/mnist/versions/2/version.json"]
    assert damage_of(workspace, "mnist-v1") == {}


def test_removed_version_is_found_and_can_be_skipped(workspace, folder):
    second = register(workspace.root, "run-2")
    files.remove(folder)
    assert registry.names(workspace) == ["mnist-v1", "mnist-v2"]
    assert damage_of(workspace)
    skipped: list[InputError] = []
    assert registry.versions(workspace, None, skipped.append) == [second]
    assert "versions/1/version.json" in str(skipped[0])


def test_version_without_an_event_is_found(workspace, folder):
    files.remove(workspace.path("models/mnist/audit"))
    files.remove(workspace.path("models/mnist/last_event.json"))
    assert registry.names(workspace) == ["mnist-v1"]
    found = damage_of(workspace)["models/mnist/versions/1"]
    assert "`sightline models promote`" in found


@pytest.mark.parametrize("name", ["mnist-v2", "champion", "../x-v1", "zoo-v1", ""])
def test_unknown_version_cannot_be_checked(workspace, folder, name):
    with pytest.raises(InputError, match="sightline models list"):
        registry.verify(workspace, name)
