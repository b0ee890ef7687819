from pathlib import Path

import pytest

from sightline import files


def test_new_file_appears_only_when_finished(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "result.txt"
    with files.new_file(target) as temporary:
        temporary.write_text("content")
        assert not target.exists()
    assert target.read_text() == "content"
    assert list(target.parent.iterdir()) == [target]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")

    def write_and_fail() -> None:
        with files.new_file(target) as temporary:
            temporary.write_text("new")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_and_fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "entry"
    target.mkdir()
    (target / "old").touch()
    with files.new_folder(target, replace=True) as temporary:
        (temporary / "new").touch()
        assert (target / "old").exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_new_folder_never_overwrites_unless_asked(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()

    def publish() -> None:
        with files.new_folder(target, replace=False) as temporary:
            (temporary / "new").touch()

    with pytest.raises(OSError, match="not empty"):
        publish()
    assert [path.name for path in target.iterdir()] == ["old"]


def test_leftovers_are_what_our_own_writers_leave(tmp_path: Path) -> None:
    ours = [".a.0123abcd.tmp", ".b.json.0123abcd.tmp", ".c.0123abcd.aside"]
    for name in (*ours, "a.0123abcd.tmp", ".a.tmp", ".cache", ".a.0123ABCD.tmp", ".0123abcd.tmp"):
        (tmp_path / name).touch()
    assert [path.name for path in files.leftovers(tmp_path)] == ours


def test_leftovers_are_named_as_the_writers_name_them(tmp_path: Path) -> None:
    with (
        files.new_file(tmp_path / "file") as file,
        files.new_folder(tmp_path / "folder", replace=False) as folder,
    ):
        file.touch()
        assert files.leftovers(tmp_path) == [file, folder]


def test_set_aside_folder_is_never_seen_half_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(files.shutil, "rmtree", lambda path, ignore_errors: None)
    files.set_aside(tmp_path / "run")
    assert list(tmp_path.iterdir()) == files.leftovers(tmp_path)


def test_link_is_removed_and_measured_without_its_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(target)
    assert files.size(target) == 5
    assert files.size(target / "file") == 5
    assert files.size(tmp_path / "link") == len(str(target))
    assert files.size(tmp_path / "missing") == 0
    files.remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (target / "file").exists()
