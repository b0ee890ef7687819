import pytest

from sightline.data.folder import list_folder, nested_files
from sightline.storage.workspace import Workspace


@pytest.mark.parametrize(
    "name",
    [
        *(".ipynb_checkpoints", ".DS_Store", "._cat.jpg", "__MACOSX", "Icon\r"),
        *("Thumbs.db", "ehthumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information"),
        *("@eaDir", "#recycle", "lost+found", "cat.jpg:Zone.Identifier"),
    ],
)
def test_what_systems_put_beside_the_files_of_a_user_is_not_listed(tmp_path, name):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / name).touch()
    (tmp_path / name).mkdir()
    assert [entry.name for entry in list_folder(tmp_path)] == ["cat"]
    assert list(nested_files(tmp_path)) == []


def test_artifacts_beside_the_class_folders_are_not_listed(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "artifacts").mkdir()
    assert [entry.name for entry in list_folder(tmp_path)] == ["artifacts", "cat"]
    Workspace(tmp_path / "artifacts").check_writable()
    assert [entry.name for entry in list_folder(tmp_path)] == ["cat"]
