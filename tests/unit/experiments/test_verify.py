import pytest

from runs_to_compare import publish
from sightline.errors import InputError
from sightline.experiments import run_folder, verify


@pytest.fixture
def folder(workspace, dataset):
    publish(workspace.root, "real", dataset, [4])
    return run_folder.folder(workspace, "real")


def damaged(workspace, run=None):
    checks = verify.verify(workspace, run)
    return [damage.path for check in checks for damage in check.damages]


def test_changed_missing_or_unexpected_files_are_found(workspace, folder):
    (intact,) = verify.verify(workspace)
    files = sorted(folder.iterdir())
    assert (intact.damages, intact.files) == ((), len(files))
    assert intact.bytes == sum(path.stat().st_size for path in files)
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before[:-1])
        assert damaged(workspace) == [f"runs/real/{path.name}"]
        path.unlink()
        assert damaged(workspace) == [f"runs/real/{path.name}"]
        path.write_bytes(before)
    (folder / "notes").mkdir()
    (folder / ".hidden").touch()
    assert damaged(workspace) == ["runs/real/.hidden", "runs/real/notes"]


def test_folder_without_a_manifest_is_damaged(workspace):
    assert verify.verify(workspace) == []
    workspace.path("runs/half").mkdir(parents=True)
    assert damaged(workspace) == damaged(workspace, "half") == ["runs/half/manifest.json"]
    with pytest.raises(InputError, match="'nothing'"):
        verify.verify(workspace, "nothing")
