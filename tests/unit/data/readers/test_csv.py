from pathlib import Path

import numpy as np
import pytest

from reading import check_unreadable, read_all

X = np.random.default_rng(0).integers(0, 256, (12, 64), dtype=np.uint8)
Y = np.arange(12) % 3


def write(path: Path, labels: object = Y, pixels: np.ndarray = X, header: bool = True) -> Path:
    lines = [
        ",".join([str(label), *map(str, row)]) for label, row in zip(labels, pixels, strict=True)
    ]
    if header:
        lines.insert(0, ",".join(["label", *(f"pixel{i}" for i in range(pixels.shape[1]))]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digits.csv"


def as_floats(path: Path) -> Path:
    np.savetxt(path, np.column_stack([Y, X]), delimiter=",")
    return path


def with_blank_lines(path: Path) -> Path:
    write(path).write_text(path.read_text().replace("\n", "\n\n"))
    return path


@pytest.mark.parametrize(
    "written", [write, lambda path: write(path, header=False), as_floats, with_blank_lines]
)
def test_file_is_read_exactly(path: Path, written) -> None:
    raw, images = read_all(written(path))
    assert raw.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(images["unsplit"].reshape(12, 64), X)
    np.testing.assert_array_equal(raw.splits[0].labels, Y)


def test_folder_with_both_splits_is_read(tmp_path: Path) -> None:
    write(tmp_path / "train.csv")
    write(tmp_path / "test.csv", Y[:4], X[:4])
    _, images = read_all(tmp_path)
    assert list(images) == ["train", "test"]
    np.testing.assert_array_equal(images["test"].reshape(4, 64), X[:4])


def test_label_column_can_be_anywhere_and_contain_words(path: Path) -> None:
    names = [f"p{i}" for i in range(64)]
    rows = [
        ",".join([*map(str, row[:10]), word, *map(str, row[10:])])
        for word, row in zip("badbad", X[:6], strict=True)
    ]
    path.write_text("\n".join([",".join([*names[:10], "what", *names[10:]]), *rows]))
    raw, images = read_all(path, label_column="what")
    assert raw.class_names == ("a", "b", "d")
    np.testing.assert_array_equal(images["unsplit"].reshape(6, 64), X[:6])


def test_square_rgb_is_recognized_by_the_number_of_columns(path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (12, 192), dtype=np.uint8)
    raw, images = read_all(write(path, pixels=colour))
    assert raw.image_shape == (8, 8, 3)
    np.testing.assert_array_equal(images["unsplit"], colour.reshape(12, 8, 8, 3))


def test_image_size_of_other_images_is_configured(path: Path) -> None:
    raw, _ = read_all(write(path, pixels=np.tile(X, 2)), image_size=(8, 16))
    assert raw.image_shape == (8, 16, 1)
    check_unreadable(write(path, pixels=X[:, :63]), "63", "data.image_size")


@pytest.mark.parametrize(
    ("bad", "row"),
    [(256, ", row 7"), (-1, ", row 7"), (2.5, ", row 7"), ("nan", ""), ("", ""), ("black", "")],
)
def test_invalid_pixel_is_refused(path: Path, bad: object, row: str) -> None:
    pixels = X.astype(object)
    pixels[7, 3] = bad
    check_unreadable(write(path, pixels=pixels), f"digits.csv{row}", str(bad))


def test_missing_label_is_refused_with_its_row(path: Path) -> None:
    labels = [*map(str, Y)]
    labels[5] = ""
    check_unreadable(write(path, labels), "digits.csv, row 5", "label")


def test_unknown_label_column_lists_the_columns(path: Path) -> None:
    facts = ("'kind'", "label, pixel0", "data.label_column")
    check_unreadable(write(path), *facts, label_column="kind")


def test_labels_beyond_float_precision_stay_distinct(path: Path) -> None:
    raw, _ = read_all(write(path, [2**53, 2**53 + 1] * 6))
    assert raw.class_names == ("9007199254740992", "9007199254740993")


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
def test_malformed_file_is_refused_with_its_path(path: Path, content: bytes, fact: str) -> None:
    path.write_bytes(content)
    check_unreadable(path, str(path), fact)
