import pytest

from reading import check_unreadable, read_all
from sightline.data.locate import slug
from tar_files import samples, write_tar


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train-000.tar", "test-000.tar"),
        ("mnist-train-000000.tar", "mnist-test-000000.tar"),
        ("cats_Training.0.tar", "cats_Testing.0.tar"),
        ("test-bench-train.tar", "test-bench-val.tar"),
    ],
)
def test_split_is_the_last_word_of_a_file_name_that_names_one(tmp_path, train, test):
    write_tar(tmp_path / train, samples("abab", first=0))
    write_tar(tmp_path / test, samples("abab", first=50))
    raw, images = read_all(tmp_path)
    assert raw.splits[0].name == "train"
    assert images["train"].max() == 3
    assert raw.splits[1].source(0) == f"{test}#0"


def test_files_of_no_split_are_noted_beside_those_of_a_split(tmp_path):
    for name in ("train-0.tar", "test-0.tar", "extra-0.tar"):
        write_tar(tmp_path / name, samples("abab"))
    assert "extra-0.tar" in read_all(tmp_path)[0].notes[0]


def test_files_without_splits_are_one_split_in_order_of_their_names(tmp_path):
    for number in (1, 0):
        write_tar(tmp_path / f"shard-{number}.tar", samples("ab", first=10 * number))
    _, images = read_all(tmp_path)
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 10, 11]


def test_several_foreign_folders_ask_for_one_of_them(tmp_path):
    for name in ("en", "de"):
        write_tar(tmp_path / name / "0.tar", samples("abab"))
    check_unreadable(tmp_path, "de, en", "path of one of them")


@pytest.mark.parametrize("name", ["flowers.zip", "flowers.ZIP", "flowers.7z", "flowers.tar.bz2"])
def test_archive_that_cannot_be_read_is_refused_with_the_remedy(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\3\4 archive")
    check_unreadable(tmp_path / name, name, "Unpack")
    check_unreadable(tmp_path, name[-3:].lower().lstrip("."), "Unpack")


@pytest.mark.parametrize("name", ["a/Birds.tar.gz", "birds.tgz", "birds.tar", "birds.parquet"])
def test_data_set_is_named_without_the_ending(name):
    assert slug(name) == "birds"


@pytest.mark.parametrize("names", ["train-{:05}-of-00003.tar", "train_{}-of-3.tar"])
def test_files_that_the_names_of_others_count_are_noted_as_missing(tmp_path, names):
    for number in (0, 2):
        write_tar(tmp_path / names.format(number), samples("abab"))
    notes = read_all(tmp_path)[0].notes
    assert f"Missing: 1 of 3 files, such as {names.format(1)}." in notes
    write_tar(tmp_path / names.format(1), samples("abab"))
    assert not any("Missing" in note for note in read_all(tmp_path)[0].notes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cifar10-train-000.tar", "mnist-train-000.tar"),
        ("cifar10-train-000.tar", "mnist-test-000.tar"),
        ("train-000.tar", "mnist-train-001.tar"),
    ],
)
def test_shards_of_two_data_sets_in_one_folder_are_refused(tmp_path, one, other):
    write_tar(tmp_path / one, samples("abab"))
    write_tar(tmp_path / other, samples("abab", first=10))
    check_unreadable(tmp_path, "several data sets", "'mnist'", "move")


@pytest.mark.parametrize(
    ("one", "other", "note"),
    [("cats.tar", "dogs-1.tar", "called cats, dogs"), ("a-1.tar", "a-2.tar", "")],
)
def test_files_of_different_names_without_splits_are_noted(tmp_path, one, other, note):
    write_tar(tmp_path / one, samples("abab"))
    write_tar(tmp_path / other, samples("abab", first=10))
    raw, images = read_all(tmp_path)
    assert len(images["unsplit"]) == 8
    assert note in " ".join(raw.notes)
    assert bool(note) == bool(raw.notes)
