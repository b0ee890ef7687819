import pytest

from reading import check_unreadable, read_all
from tfrecord_files import examples, write_tfrecord

NAMES = {1: "tench", 2: "goldfish", 10: "ant"}


def named(numbers, names=NAMES):
    rows = examples(numbers, image="image/encoded", label="image/class/label")
    texts = ({"image/class/text": names[one["image/class/label"]]} for one in rows)
    return [one | text for one, text in zip(rows, texts, strict=True)]


def test_numbers_from_one_have_their_names_in_the_order_of_the_numbers(tmp_path):
    raw, _ = read_all(write_tfrecord(tmp_path / "x.tfrecord", named([2, 1, 10, 2])))
    assert raw.class_names == ("tench", "goldfish", "ant")
    assert raw.splits[0].labels.tolist() == [1, 0, 2, 1]
    assert (
        raw.origin.labels == "feature image/class/label, with the class names of image/class/text"
    )


def test_splits_that_number_the_names_differently_are_read_by_name(tmp_path):
    write_tfrecord(tmp_path / "train-0.tfrecord", named([2, 1, 10, 2]))
    other = {0: "ant", 1: "goldfish", 2: "tench"}
    write_tfrecord(tmp_path / "test-0.tfrecord", named([0, 1, 2], other))
    raw, _ = read_all(tmp_path)
    assert raw.splits[1].labels.tolist() == [2, 1, 0]


def test_numbers_of_a_split_without_names_are_those_of_the_training_split(tmp_path):
    write_tfrecord(tmp_path / "train-0.tfrecord", named([2, 1, 10, 2]))
    empty = dict.fromkeys(range(20), "")
    write_tfrecord(tmp_path / "test-0.tfrecord", named([10, 1, 2], empty))
    assert read_all(tmp_path)[0].splits[1].labels.tolist() == [2, 0, 1]
    write_tfrecord(tmp_path / "test-0.tfrecord", named([10, 3], empty))
    check_unreadable(tmp_path, "test-0.tfrecord", "label 3 has no name")


@pytest.mark.parametrize(
    "names", [{1: "tench", 2: "tench", 10: "ant"}, {1: "tench", 2: "", 10: ""}]
)
def test_name_of_two_numbers_is_refused(tmp_path, names):
    path = write_tfrecord(tmp_path / "x.tfrecord", named([2, 1, 10, 2], names))
    check_unreadable(path, "x.tfrecord", "give each number one name")


def test_number_of_two_names_is_refused(tmp_path):
    rows = named([2, 1, 10, 2])
    rows[3]["image/class/text"] = "carp"
    path = write_tfrecord(tmp_path / "x.tfrecord", rows)
    check_unreadable(path, "x.tfrecord", "'goldfish'", "'carp'", "give each number one name")


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        ([10, 9, 10, 9], ("9", "10"), [1, 0, 1, 0]),
        ([-1, 7, -1, 7], ("-1", "7"), [0, 1, 0, 1]),
        ([1.0, 0.0, 1.0, 0.0], ("0", "1"), [1, 0, 1, 0]),
        (["é", "b", "é", "b"], ("b", "é"), [1, 0, 1, 0]),
    ],
)
def test_labels_are_integers_whole_floats_or_text(tmp_path, labels, names, numbers):
    raw, _ = read_all(write_tfrecord(tmp_path / "x.tfrecord", examples(labels)))
    assert raw.class_names == names
    assert raw.splits[0].labels.tolist() == numbers


@pytest.mark.parametrize(
    ("wrong", "facts"),
    [
        ([0, 1], ("record 2", "several values", "data.label_column")),
        (0.5, ("record 2", "0.5")),
        (b"\xff", ("record 2", "UTF-8")),
        ("a", ("integers or strings",)),
        ([], ("record 2", "no label", "'label'")),
        (float("nan"), ("record 2", "no label")),
    ],
)
def test_label_that_is_not_one_value_is_refused_with_its_record(tmp_path, wrong, facts):
    rows = examples([0, 1, 0, 1])
    rows[2]["label"] = wrong
    check_unreadable(write_tfrecord(tmp_path / "x.tfrecord", rows), "x.tfrecord", *facts)


@pytest.mark.parametrize("label", [-1, []])
def test_split_without_labels_is_kept_apart(tmp_path, label):
    write_tfrecord(tmp_path / "train.tfrecord", examples([0, 1, 0, 1]))
    write_tfrecord(tmp_path / "test.tfrecord", examples([label, label]))
    raw, _ = read_all(tmp_path)
    assert [split.name for split in raw.splits] == ["unsplit"]
    assert [(split.name, len(split.labels)) for split in raw.unlabelled] == [("test", 2)]
