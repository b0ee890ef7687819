from pathlib import Path

import pytest

from examples import write_npz
from sightline.data import watch
from sightline.errors import DataError, StorageError
from sightline.storage.workspace import Workspace


def look(tmp_path: Path, data: Path) -> watch.Look:
    return watch.look(Workspace(tmp_path / "artifacts"), str(data))


def test_first_look_only_remembers(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "textures.npz")
    found = look(tmp_path, data)
    assert (found.first, found.changed) == (True, False)
    assert found.dataset == str(data)
    watch.remember(Workspace(tmp_path / "artifacts"), found)
    again = look(tmp_path, data)
    assert (again.first, again.changed) == (False, False)


def test_change_is_seen_until_it_is_remembered(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "textures.npz")
    first = look(tmp_path, data)
    watch.remember(Workspace(tmp_path / "artifacts"), first)
    write_npz(data, train=200)
    for _ in range(2):  # the server could not be told: the next look tells again
        changed = look(tmp_path, data)
        assert changed.changed
        assert changed.previous_sha256 == first.source.sha256
    watch.remember(Workspace(tmp_path / "artifacts"), changed)
    assert not look(tmp_path, data).changed


def test_two_data_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder, train in (("a", 160), ("b", 200)):
        (tmp_path / folder).mkdir()
        data = write_npz(tmp_path / folder / "textures.npz", train=train)
        watch.remember(Workspace(tmp_path / "artifacts"), look(tmp_path, data))
    assert not look(tmp_path, tmp_path / "a" / "textures.npz").changed


def test_damaged_memory_counts_as_a_change(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "textures.npz")
    watch.remember(Workspace(tmp_path / "artifacts"), look(tmp_path, data))
    (memory,) = (tmp_path / "artifacts" / "watch").iterdir()
    memory.write_text("{")
    assert look(tmp_path, data).changed


def test_missing_data_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.npz does not exist"):
        look(tmp_path, tmp_path / "gone.npz")


def test_memory_that_cannot_be_read_is_an_error_and_no_first_look(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "textures.npz")
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "watch").write_text("a file in the way")
    with pytest.raises(StorageError, match="cannot be used"):
        look(tmp_path, data)
