import numpy as np
import pytest

from reading import check_unreadable, read_all

X = np.random.default_rng(0).integers(0, 256, (12, 64), dtype=np.uint8)
Y = np.arange(12) % 3


def write(path, labels=Y, pixels=X, header=True, **how):
    names = ",".join(["label", *(f"pixel{number}" for number in range(pixels[0].size))])
    rows = np.column_stack([np.asarray(labels, object), pixels.reshape(len(pixels), -1)])
    how = {"fmt": "%s", "delimiter": ",", "comments": ""} | how
    np.savetxt(path, rows, header=names if header else "", **how)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "digits.csv"


@pytest.mark.parametrize("number", ["%d", "%.1f", "%.18e"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\n\n"])
def test_file_is_read_exactly(path, number, header, end):
    raw, images = read_all(write(path, header=header, fmt=number, newline=end))
    assert raw.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(images["unsplit"].reshape(12, 64), X)
    np.testing.assert_array_equal(raw.splits[0].labels, Y)


def test_folder_with_both_splits_is_read(tmp_path):
    write(tmp_path / "train.csv")
    write(tmp_path / "test.csv", Y[:4], X[:4])
    _, images = read_all(tmp_path)
    assert list(images) == ["train", "test"]
    np.testing.assert_array_equal(images["test"].reshape(4, 64), X[:4])


def test_label_column_can_be_anywhere_and_contain_words(path):
    header = np.insert([f"pixel{number}" for number in range(64)], 10, "what")
    rows = np.insert(X[:6].astype(object), 10, list("badbad"), axis=1)
    np.savetxt(path, np.vstack([header, rows]), "%s", ",")
    raw, images = read_all(path, label_column="what")
    assert raw.class_names == ("a", "b", "d")
    np.testing.assert_array_equal(images["unsplit"].reshape(6, 64), X[:6])


@pytest.mark.parametrize(
    ("shape", "settings"), [((8, 8, 3), {}), ((8, 16, 1), {"image_size": (8, 16)})]
)
def test_image_shape_is_configured_or_that_of_a_square(path, shape, settings):
    pixels = np.random.default_rng(0).integers(0, 256, (12, *shape), dtype=np.uint8)
    raw, images = read_all(write(path, pixels=pixels), **settings)
    assert raw.image_shape == shape
    np.testing.assert_array_equal(images["unsplit"], pixels)


@pytest.mark.parametrize(
    ("bad", "row"),
    [(256, ", row 7"), (-1, ", row 7"), (2.5, ", row 7"), ("nan", ""), ("", ""), ("black", "")],
)
def test_invalid_pixel_is_refused(path, bad, row):
    pixels = X.astype(object)
    pixels[7, 3] = bad
    check_unreadable(write(path, pixels=pixels), f"digits.csv{row}", str(bad))


def test_missing_label_or_column_is_refused(path):
    check_unreadable(write(path, pixels=X[:, :63]), "63", "data.image_size")
    check_unreadable(write(path, [*Y[:5], "", *Y[6:]]), "digits.csv, row 5", "label")
    facts = ("'kind'", "label, pixel0", "data.label_column")
    check_unreadable(write(path), *facts, label_column="kind")


def test_labels_beyond_float_precision_stay_distinct(path):
    raw, _ = read_all(write(path, [2**53, 2**53 + 1] * 6))
    assert raw.class_names == ("9007199254740992", "9007199254740993")


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        (["-1", "10", "9"], [0, 2, 1]),
        (["9.0", "10.0", "-1.0"], [1, 2, 0]),
        (["1.2e+01", "9.0e+00", "0.0e+00"], [2, 1, 0]),
    ],
)
def test_labels_that_are_all_integers_are_ordered_as_integers(path, labels, numbers):
    raw, _ = read_all(write(path, labels * 4))
    assert raw.splits[0].labels.tolist() == numbers * 4
    assert [int(raw.class_names[number]) for number in numbers] == [float(text) for text in labels]


@pytest.mark.parametrize(
    "labels",
    [
        ["001", "002", "010"],
        ["01", "1", "2"],
        ["10", "1e1", "2"],
        ["7", "7.0", "8"],
        ["7.0", "7.00", "8.0"],
        ["1.5", "2.0", "3.0"],
    ],
)
def test_labels_that_are_not_all_integers_stay_text(path, labels):
    raw, _ = read_all(write(path, labels * 4))
    assert [raw.class_names[number] for number in raw.splits[0].labels] == labels * 4


def test_leading_zeros_in_one_split_make_labels_of_all_splits_text(tmp_path):
    write(tmp_path / "train.csv", ["1", "2", "10"] * 4)
    write(tmp_path / "test.csv", ["1", "2"] * 6)
    assert read_all(tmp_path)[0].class_names == ("1", "2", "10")
    write(tmp_path / "test.csv", ["1", "02"] * 6)
    check_unreadable(tmp_path, "test.csv, row 1", "'02'")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"\n1,2\n", "blank"),
        (b"a,a,label\n1,1,1\n", "same name"),
        (b"<!doctype html>", "HTML"),
        (b"\x89PNG\xff\xfe" * 50, "UTF-8"),
        (b"label,a\n", "0 examples"),
        (b"label,a\n1,2\n1,2,3\n", "Expected 2 columns, got 3"),
    ],
)
def test_malformed_file_is_refused_with_its_path(path, content, fact):
    path.write_bytes(content)
    check_unreadable(path, str(path), fact)


def test_text_labels_are_composed_and_in_natural_order(tmp_path):
    train = ["caf\xe9", "day 10", "day 2"] * 4
    write(tmp_path / "train.csv", train, encoding="utf-8")
    write(tmp_path / "test.csv", ["day 2", "cafe\u0301"], X[:2], encoding="utf-8")
    raw, _ = read_all(tmp_path)
    assert raw.class_names == ("caf\xe9", "day 2", "day 10")
    assert raw.splits[0].labels.tolist() == [0, 2, 1] * 4
    assert raw.splits[1].labels.tolist() == [1, 0]
    write(tmp_path / "train.csv", [*train[:-1], "cafe\u0301"], encoding="utf-8")
    check_unreadable(tmp_path, "train.csv", r"'caf\xe9'", r"'cafe\u0301'", "rename one")


def test_numbers_in_one_file_are_text_if_the_other_has_text(tmp_path):
    write(tmp_path / "train.csv", ["10", "2", "other"] * 4)
    write(tmp_path / "test.csv", ["2", "10"], X[:2])
    raw, _ = read_all(tmp_path)
    assert raw.class_names == ("2", "10", "other")
    assert raw.splits[1].labels.tolist() == [0, 1]
    write(tmp_path / "train.csv", ["10", "2"] * 6)
    write(tmp_path / "test.csv", ["2", "7", "7"], X[:3])
    check_unreadable(tmp_path, "test.csv, row 1", "label 7 ", "2 image", "add training images")
