import pytest

from reading import check_unreadable, ingest, read_all
from tar_files import samples, write_tar


@pytest.mark.parametrize(
    ("labels", "text", "names", "found"),
    [
        ([0, 2, 1, 0], "owl\ncat\nant\n", ("owl", "cat", "ant"), [0, 2, 1, 0]),
        ([1, 3, 2, 1], "owl\r\ncat\r\nant", ("owl", "cat", "ant"), [0, 2, 1, 0]),
        ([0, 1, 1, 0], "\ufeff0:owl\n1:cat\n", ("owl", "cat"), [0, 1, 1, 0]),
        (["cat", "owl", "cat", "owl"], "owl\ncat\n", ("owl", "cat"), [1, 0, 1, 0]),
    ],
)
@pytest.mark.parametrize("name", ["classnames.txt", "classes.txt", "labels.txt"])
def test_numbers_are_positions_in_the_names_beside_the_files(
    tmp_path, labels, text, names, found, name
):
    path = write_tar(tmp_path / "x.tar", samples(labels))
    (tmp_path / name).write_text(text, newline="")
    raw, _ = read_all(path)
    assert raw.class_names == names
    assert raw.splits[0].labels.tolist() == found
    assert name in raw.origin.labels
    assert ["from 1" in note for note in raw.notes] == [True] * (labels == [1, 3, 2, 1])


def test_names_in_the_folder_above_the_splits_are_found(tmp_path):
    for split in ("train", "test"):
        write_tar(tmp_path / split / "0.tar", samples([0, 1, 0, 1]))
    (tmp_path / "classes.txt").write_text("owl\ncat")
    assert read_all(tmp_path)[0].class_names == ("owl", "cat")


def test_other_names_are_other_data(tmp_path, run):
    path = write_tar(tmp_path / "x.tar", samples([0, 1] * 4))
    found = []
    for text in ("owl\ncat", "ant\ncat"):
        (tmp_path / "classes.txt").write_text(text)
        found.append(ingest(run, path).class_names)
    assert found == [("owl", "cat"), ("ant", "cat")]


@pytest.mark.parametrize(
    ("labels", "text", "facts"),
    [
        ([0, 5, 0, 5], "owl\ncat", ("row 1", "label 5", "0 to 1")),
        ([0, 2, 0, 2], "owl\ncat", ("label 2",)),
        ([0, 1, 0, 1], "owl\nowl", ("classes.txt", "'owl'")),
        ([0, 1, 0, 1], "", ("classes.txt", "empty")),
        ([0, 1, 0, 1], "\n", ("classes.txt", "0 lines")),
        ([0, 1, 0, 1], "a\n" * 2000, ("classes.txt", "2,000 lines")),
        (["dog", "owl", "dog", "owl"], "owl\ncat", ("'dog'",)),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path, labels, text, facts):
    path = write_tar(tmp_path / "x.tar", samples(labels))
    (tmp_path / "classes.txt").write_text(text)
    check_unreadable(path, *facts)


def test_names_that_are_no_text_are_refused(tmp_path):
    path = write_tar(tmp_path / "x.tar", samples([0, 1, 0, 1]))
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\0")
    check_unreadable(path, "classes.txt", "UTF-8")
