import ctypes
import errno
from pathlib import Path

import pytest

from sightline.storage import files, swapping


def two_folders(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / folder.name).touch()
    return one, other


def test_two_folders_change_names(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path)
    assert swapping.swap(one, other)
    assert [path.name for path in one.iterdir()] == ["other"]
    assert [path.name for path in other.iterdir()] == ["one"]


def test_nothing_changes_where_there_is_nothing_to_swap_with(tmp_path: Path) -> None:
    one, _ = two_folders(tmp_path)
    assert not swapping.swap(one, tmp_path / "missing")
    assert one.is_dir()


class Library:
    """A C library without the call, or one that refuses it."""

    def __init__(self, number: int | None) -> None:
        if number is not None:
            self.renameat2 = lambda *_: ctypes.set_errno(number) or -1


@pytest.mark.parametrize("number", [None, errno.EINVAL, errno.ENOSYS])
def test_folder_is_replaced_where_the_system_cannot_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    _, other = two_folders(tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library(number))
    with files.new_folder(other, replace=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in other.iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_refusal_of_the_system_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = two_folders(tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library(errno.EROFS))

    def replace() -> None:
        with files.new_folder(other, replace=True) as folder:
            (folder / "new").touch()

    with pytest.raises(OSError, match="Read-only"):
        replace()
    assert [path.name for path in other.iterdir()] == ["other"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]
