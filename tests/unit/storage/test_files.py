import ctypes
import errno
import mmap

import pytest

from sightline.errors import StorageError
from sightline.storage import files


@pytest.fixture
def old(tmp_path):
    """A folder with one file, "old"."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    return tmp_path / "folder"


def write(folder, *, replace=True):
    """Write a folder with one file, "new"."""
    with files.new_folder(folder, replace=replace) as temporary:
        (temporary / "new").touch()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_new_file_appears_only_when_finished_and_a_failed_write_keeps_the_old_one(tmp_path):
    target = tmp_path / "folder" / "result.txt"
    with files.new_file(target) as temporary:
        temporary.write_text("content")
        assert not target.exists()
    with pytest.raises(UnicodeEncodeError), files.new_file(target) as temporary:
        temporary.write_text("new\udcff", encoding="utf-8")
    assert target.read_text() == "content"
    assert names(target.parent) == ["result.txt"]


def test_open_map_of_a_replaced_file_still_reads_the_old_bytes(old):
    (old / "old").write_bytes(b"old" * 5000)
    with (old / "old").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with files.new_folder(old, replace=True) as temporary:
        (temporary / "old").write_bytes(b"new")
    assert (old / "old").read_bytes() == b"new"
    assert mapped[:] == b"old" * 5000
    files.set_aside(old)
    assert mapped[-3:] == b"old"


def test_link_at_the_final_name_is_replaced_and_not_followed(old):
    link = old.with_name("entry")
    link.symlink_to(old)
    write(link)
    assert not link.is_symlink()
    assert (names(link), names(old), names(old.parent)) == (["new"], ["old"], ["entry", "folder"])


def test_full_disk_is_reported_even_if_the_root_does_not_exist(tmp_path):
    root = tmp_path / "not" / "there"
    with pytest.raises(StorageError, match=str(root)), files.storage_errors(root, "--output"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_new_folder_never_overwrites_unless_asked(old):
    with pytest.raises(OSError, match="not empty"):
        write(old, replace=False)
    assert (names(old), names(old.parent)) == (["old"], ["folder"])


def test_leftovers_are_what_our_own_writers_leave(tmp_path):
    ours = [".a.0123abcd.tmp", ".b.json.0123abcd.tmp", ".c.0123abcd.aside"]
    others = ["a.0123abcd.tmp", ".a.tmp", ".cache", ".a.0123ABCD.tmp", ".0123abcd.tmp"]
    for name in (*ours, *others):
        (tmp_path / name).touch()
    assert [path.name for path in files.leftovers(tmp_path)] == ours
    files.remove_leftovers(tmp_path / "b.json")
    assert names(tmp_path) == sorted({*ours, *others} - {".b.json.0123abcd.tmp"})
    with (
        files.new_file(tmp_path / "new" / "file") as file,
        files.new_folder(tmp_path / "new" / "folder", replace=False) as folder,
    ):
        file.touch()
        assert files.leftovers(tmp_path / "new") == [file, folder]


def test_set_aside_folder_is_never_seen_half_removed(old, monkeypatch):
    monkeypatch.setattr(files.shutil, "rmtree", lambda path, ignore_errors: None)
    files.set_aside(old)
    assert list(old.parent.iterdir()) == files.leftovers(old.parent)


def test_link_is_removed_and_measured_without_its_target(old):
    (old / "old").write_bytes(b"12345")
    link = old.with_name("link")
    link.symlink_to(old)
    sizes = [files.size(path) for path in (old, old / "old", link, old / "missing")]
    assert sizes == [5, 5, len(str(old)), 0]
    files.remove(link)
    assert (names(old), names(old.parent)) == (["old"], ["folder"])


class Library:
    """A C library without renameat2, or one whose renameat2 fails."""

    def __init__(self, number):
        if number is not None:
            self.renameat2 = lambda *_: ctypes.set_errno(number) or -1


def test_folder_is_replaced_without_a_moment_in_which_it_is_missing(old, monkeypatch):
    monkeypatch.setattr(files, "_rename_aside", pytest.fail)
    with files.new_folder(old, replace=True) as temporary:
        (temporary / "new").touch()
        assert names(old) == ["old"]
    assert (names(old), names(old.parent)) == (["new"], ["folder"])


@pytest.mark.parametrize("number", [None, errno.EINVAL, errno.ENOSYS])
def test_folder_is_replaced_where_the_system_cannot_exchange_names(old, monkeypatch, number):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library(number))
    write(old)
    assert (names(old), names(old.parent)) == (["new"], ["folder"])


def test_refused_exchange_leaves_the_old_folder(old, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library(errno.EROFS))
    with pytest.raises(OSError, match="Read-only"):
        write(old)
    assert (names(old), names(old.parent)) == (["old"], ["folder"])
