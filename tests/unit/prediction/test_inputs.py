import inspect
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from run_to_predict import dots, write_pictures
from sightline.errors import DataError, InputError
from sightline.prediction import inputs


def test_folders_are_listed_recursively_sorted_and_without_clutter(tmp_path):
    for folder in ("b", "a/z", "a", "."):
        write_pictures(tmp_path / folder, dots(2))
    for name in ("notes.txt", "photo.nef", ".hidden.png", "Thumbs.db"):
        (tmp_path / "a" / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in inputs.image_files(tmp_path)]
    folders = ("", "a/", "a/z/", "b/")
    assert found == [f"{folder}{name}.png" for folder in folders for name in ("0000", "0001")]
    described = inputs.describe(str(tmp_path))
    assert (described.images, described.left_out) == (8, {".nef": 1, ".txt": 1})


@pytest.mark.parametrize("target", ["../secret.png", "x.png"])
def test_link_that_leads_out_or_to_itself_is_refused(tmp_path, target):
    (tmp_path / "secret.png").touch()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.png").symlink_to(target)
    with pytest.raises(DataError, match=r"x\.png"):
        inputs.describe(str(tmp_path / "in"))


def test_dangling_link_with_an_image_suffix_counts_and_a_linked_folder_does_not(tmp_path):
    write_pictures(tmp_path, dots(1))
    (tmp_path / "x.png").symlink_to("gone.png")
    (tmp_path / "notes").symlink_to("gone.txt")
    (tmp_path / "again").symlink_to(tmp_path)
    found = inputs.describe(str(tmp_path))
    assert (found.images, found.left_out) == (2, {"": 2})
    assert [path.name for path in inputs.image_files(tmp_path)] == ["0000.png", "x.png"]


def test_folders_deeper_than_the_recursion_limit_are_listed(tmp_path):
    write_pictures(tmp_path.joinpath(*["d"] * 200), dots(1))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert inputs.describe(str(tmp_path)).images == 1
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("missing.png", "expected PNG"),
        ("table.npz", r"np\.save"),
        ("text.txt", "expected PNG"),
        ("pipe.png", "regular file"),
        ("x\0.png", "expected PNG"),
        ("n" * 300 + ".png", "not a valid path"),
    ],
)
def test_path_that_cannot_be_predicted_is_refused(tmp_path, name, remedy):
    (tmp_path / "table.npz").touch()
    (tmp_path / "text.txt").touch()
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=remedy):
        inputs.check(f"{tmp_path}/{name}")
    with pytest.raises(InputError, match="UTF-8"):
        inputs.check(f"\udcff{name}")
    with pytest.raises(DataError):
        inputs.check("")


def test_existing_file_may_begin_with_a_tilde(tmp_path, monkeypatch):
    write_pictures(tmp_path, dots(1))
    (tmp_path / "0000.png").rename(tmp_path / "~photo.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("~photo.png", "~/~photo.png"):
        inputs.check(name)
        assert inputs.describe(name).path == str(tmp_path / "~photo.png")


def test_folder_with_only_arrays_is_refused_with_a_hint(tmp_path):
    (tmp_path / "images.npy").touch()
    with pytest.raises(DataError, match="one by one"):
        inputs.describe(str(tmp_path))


def test_image_column_is_named_image_or_the_only_one(tmp_path):
    path = tmp_path / "x.parquet"
    for column, columns in {
        "image": {"mask": [b"1", b"2"], "image": [{"bytes": b"1"}, {"bytes": b"2"}]},
        "photo": {"label": [1, 2], "photo": [b"1", b"2"]},
    }.items():
        pq.write_table(pa.table(columns), path)
        found = inputs.describe(str(path))
        assert (found.column, found.images) == (column, 2)


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"label": [1]}, r"'image'.*label \(int64\)"),
        ({"a": [b"1"], "b": [b"1"]}, r"a \(binary\), b \(binary\)"),
        ({"image": ["x.png"]}, r"image \(string\)"),
        ({"\x1b[2J": [1]}, r"\\x1b\[2J"),
        ({"image": pa.array([], pa.binary())}, "no images"),
    ],
)
def test_table_without_a_clear_image_column_is_refused(tmp_path, columns, named):
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=named):
        inputs.describe(str(tmp_path / "x.parquet"))
