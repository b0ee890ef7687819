import os
from pathlib import Path

import pytest

from sightline.storage import digests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_text("secret")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_text("a")
    (folder / "deep" / "b").write_text("b")
    return folder


def test_changed_and_missing_files_are_found_in_order(folder):
    before = {name: digests.sha256(folder / name) for name in ("a", "deep/b")}
    assert list(digests.mismatches(folder, before)) == []
    (folder / "a").write_text("A")
    (folder / "deep" / "b").unlink()
    changed, missing = digests.mismatches(folder, before)
    assert (changed.name, changed.expected) == ("a", f"SHA-256 {before['a']}")
    assert changed.found == f"SHA-256 {digests.sha256(folder / 'a')}"
    assert (missing.name, missing.found) == ("deep/b", "no file")


@pytest.mark.parametrize("name", ["../outside", "deep/../a", "./a", ".", "", "/etc/hostname"])
def test_name_that_leads_out_of_the_folder_is_never_read(folder, name, monkeypatch):
    monkeypatch.setattr(digests, "sha256", lambda path: pytest.fail(f"read {path}"))
    assert [one.name for one in digests.mismatches(folder, {name: "0" * 64})] == [name]


def test_links_pipes_and_folders_are_never_read(folder):
    digest = digests.sha256(folder / "a")
    (folder / "link").symlink_to(folder / "a")
    os.mkfifo(folder / "pipe")
    found = [digests.difference(folder / name, digest) for name in ("link", "pipe", "deep")]
    assert found == ["a link", "no file", "a folder"]


def test_file_of_another_size_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(digests, "sha256", lambda path: pytest.fail(f"read {path}"))
    assert digests.difference(folder / "a", "0" * 64, size=2) == "1 bytes"
