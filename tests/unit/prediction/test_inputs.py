import inspect
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from run_to_predict import dots, write_pictures
from sightline.errors import DataError, InputError
from sightline.prediction import inputs


def write_parquet(path: Path, columns: dict[str, object]) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_folder_is_listed_with_all_below_folder_by_folder_and_by_name(tmp_path: Path) -> None:
    for folder in ("b", "a/z", "a", "."):
        write_pictures(tmp_path / folder, dots(2))
    found = [str(path.relative_to(tmp_path)) for path in inputs.pictures(tmp_path)]
    assert found == [
        *("0000.png", "0001.png"),
        *("a/0000.png", "a/0001.png", "a/z/0000.png", "a/z/0001.png"),
        *("b/0000.png", "b/0001.png"),
    ]
    assert inputs.recognise(str(tmp_path)).images == 8


def test_what_is_no_image_is_counted_and_clutter_is_not(tmp_path: Path) -> None:
    write_pictures(tmp_path, dots(1))
    for name in ("notes.txt", "photo.webp", ".hidden.png", "Thumbs.db"):
        (tmp_path / name).touch()
    found = inputs.recognise(str(tmp_path))
    assert (found.images, found.left_out) == (1, 2)


def test_link_that_leads_out_of_a_folder_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in", dots(1))
    (tmp_path / "secret.png").touch()
    (tmp_path / "in" / "x.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match=r"x\.png is a link that leads out of"):
        inputs.recognise(str(tmp_path / "in"))


def test_link_to_an_image_that_is_gone_counts_as_one_to_be_read(tmp_path: Path) -> None:
    write_pictures(tmp_path, dots(1))
    (tmp_path / "x.png").symlink_to("gone.png")
    (tmp_path / "notes").symlink_to("gone.txt")
    found = inputs.recognise(str(tmp_path))
    assert (found.images, found.left_out) == (2, 1)
    assert [path.name for path in inputs.pictures(tmp_path)] == ["0000.png", "x.png"]


def test_link_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path, dots(1))
    (tmp_path / "x.png").symlink_to("x.png")
    with pytest.raises(DataError, match=r"x\.png is a link that cannot be followed"):
        inputs.recognise(str(tmp_path))


def test_folder_that_is_linked_into_itself_is_not_gone_through_for_ever(tmp_path: Path) -> None:
    write_pictures(tmp_path / "deep", dots(2))
    (tmp_path / "deep" / "again").symlink_to(tmp_path)
    assert inputs.recognise(str(tmp_path)).images == 2


def test_folders_deeper_than_the_interpreter_recurses_are_listed(tmp_path: Path) -> None:
    write_pictures(tmp_path.joinpath(*["d"] * 200), dots(1))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert inputs.recognise(str(tmp_path)).images == 1
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "does not exist; expected a PNG"),
        ("table.npz", r"cannot be predicted; .* Save one of its arrays with np\.save"),
        ("text.txt", "cannot be predicted; expected a PNG"),
        ("pipe.png", "is no regular file"),
        ("x\0.png", "does not exist"),
        ("n" * 300 + ".png", "is no possible path"),
    ],
)
def test_what_cannot_be_predicted_is_refused_at_once(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "table.npz").touch()
    (tmp_path / "text.txt").touch()
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=message):
        inputs.check(f"{tmp_path}/{name}")


def test_no_path_is_not_the_present_folder() -> None:
    with pytest.raises(DataError, match="'' is no possible path"):
        inputs.check("")


def test_tilde_begins_a_name_where_such_a_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path, dots(1))
    (tmp_path / "0000.png").rename(tmp_path / "~photo.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("~photo.png", "~/~photo.png"):
        inputs.check(given)
        assert inputs.recognise(given).path == str(tmp_path / "~photo.png")


def test_path_that_is_no_text_is_refused_with_a_way_out() -> None:
    with pytest.raises(InputError, match=r"is not text in UTF-8; .* give the folder it lies in"):
        inputs.check("\udcff.png")


def test_folder_of_arrays_alone_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "images.npy").touch()
    with pytest.raises(DataError, match=r"holds no PNG.* one by one"):
        inputs.recognise(str(tmp_path))


def test_column_called_image_wins_over_others(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", {"mask": [b"1"], "image": [{"bytes": b"2"}]})
    assert inputs.recognise(path).column == "image"


def test_only_column_of_bytes_is_that_of_the_images(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", {"label": [1, 2], "photo": [b"1", b"2"]})
    found = inputs.recognise(path)
    assert (found.column, found.images) == ("photo", 2)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [1]}, r"expected a column 'image'.* its columns are label \(int64\)\."),
        (
            {"a": [b"1"], "b": [b"1"]},
            r"or only one such column; its columns are a \(binary\), b \(binary\)\.",
        ),
        ({"image": ["x.png"]}, r"its columns are image \(string\)\."),
        ({"\x1b[2J": [1]}, r"its columns are \\x1b\[2J"),
        ({"image": pa.array([], pa.binary())}, "holds no images"),
    ],
)
def test_table_without_a_clear_column_of_images_is_refused(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    path = write_parquet(tmp_path / "x.parquet", columns)
    with pytest.raises(DataError, match=message):
        inputs.recognise(path)
