import os

import pytest

from sightline.storage import digests
from sightline.storage.digests import Mismatch


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "outside").touch()
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (tmp_path / "folder" / name).write_text(name)
    return tmp_path / "folder"


def test_changed_and_missing_files_are_found_in_order(folder):
    before = {name: digests.sha256(folder / name) for name in ("a", "deep/b")}
    assert list(digests.mismatches(folder, before)) == []
    (folder / "a").write_text("A")
    (folder / "deep" / "b").unlink()
    a, b = (f"SHA-256 {digest}" for digest in before.values())
    changed = Mismatch("a", a, f"SHA-256 {digests.sha256(folder / 'a')}")
    assert list(digests.mismatches(folder, before)) == [changed, Mismatch("deep/b", b, "no file")]


@pytest.mark.parametrize("name", ["../outside", "deep/../a", "./a", ".", "", "/etc/hostname"])
def test_name_outside_and_file_of_another_size_are_never_read(folder, name, monkeypatch):
    monkeypatch.setattr(digests, "sha256", lambda path: pytest.fail(f"read {path}"))
    assert [one.name for one in digests.mismatches(folder, {name: "0" * 64})] == [name]
    assert digests.difference(folder / "a", "0" * 64, size=2) == "1 bytes"


def test_links_pipes_and_folders_are_never_read(folder):
    digest = digests.sha256(folder / "a")
    (folder / "link").symlink_to(folder / "a")
    os.mkfifo(folder / "pipe")
    found = [digests.difference(folder / name, digest) for name in ("link", "pipe", "deep")]
    assert found == ["a link", "no file", "a folder"]
