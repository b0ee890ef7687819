from pathlib import Path

import numpy as np
import pytest

from sightline.errors import DataError

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


def test_file_with_a_header_is_read_exactly(read, path: Path) -> None:
    reading, images = read(write(path))

    assert reading.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(images["whole"].reshape(12, 64), X)
    np.testing.assert_array_equal(reading.examples[0].labels, Y)


def test_first_column_is_the_label_where_there_is_no_header(read, path: Path) -> None:
    reading, images = read(write(path, header=False))

    assert len(reading.examples[0].labels) == 12
    np.testing.assert_array_equal(images["whole"].reshape(12, 64), X)


def test_folder_with_both_splits_is_read(read, tmp_path: Path) -> None:
    write(tmp_path / "train.csv")
    write(tmp_path / "test.csv", Y[:4], X[:4])

    reading, images = read(tmp_path)

    assert [part.split for part in reading.examples] == ["train", "test"]
    np.testing.assert_array_equal(images["test"].reshape(4, 64), X[:4])


def test_label_column_may_stand_anywhere_and_hold_words(read, path: Path) -> None:
    names = [f"p{i}" for i in range(64)]
    rows = [
        ",".join([*map(str, row[:10]), w, *map(str, row[10:])])
        for w, row in zip("badbad", X[:6], strict=True)
    ]
    path.write_text("\n".join([",".join([*names[:10], "what", *names[10:]]), *rows]))

    reading, images = read(path, label_column="what")

    assert reading.class_names == ("a", "b", "d")
    np.testing.assert_array_equal(images["whole"].reshape(6, 64), X[:6])


def test_numbers_written_as_floats_are_understood(read, path: Path) -> None:
    np.savetxt(path, np.column_stack([Y, X]), delimiter=",")

    reading, images = read(path)

    assert reading.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(images["whole"].reshape(12, 64), X)


def test_square_rgb_is_recognised_by_the_number_of_columns(read, path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (12, 192), dtype=np.uint8)

    reading, images = read(write(path, pixels=colour))

    assert reading.image_shape == (8, 8, 3)
    np.testing.assert_array_equal(images["whole"], colour.reshape(12, 8, 8, 3))


def test_config_states_the_size_of_images_that_are_not_square(read, path: Path) -> None:
    reading, _ = read(write(path, pixels=np.tile(X, 2)), image_size=(8, 16))

    assert reading.image_shape == (8, 16, 1)


def test_columns_that_make_no_square_ask_for_the_size(read, path: Path) -> None:
    with pytest.raises(DataError, match=r"63 pixel columns .* set data\.image_size"):
        read(write(path, pixels=X[:, :63]))


@pytest.mark.parametrize("bad", [256, -1, 2.5, "nan"])
def test_value_that_is_no_pixel_is_refused_with_its_row(read, path: Path, bad: object) -> None:
    pixels = X.astype(object)
    pixels[7, 3] = bad

    with pytest.raises(DataError, match=rf"digits.csv, row 7 .* found {bad}"):
        read(write(path, pixels=pixels))


@pytest.mark.parametrize("bad", ["", "black"])
def test_word_or_gap_among_the_pixels_is_refused(read, path: Path, bad: str) -> None:
    pixels = X.astype(object)
    pixels[7, 3] = bad

    with pytest.raises(DataError, match=r"digits.csv"):
        read(write(path, pixels=pixels))


def test_missing_label_is_refused_with_its_row(read, path: Path) -> None:
    labels = [*map(str, Y)]
    labels[5] = ""

    with pytest.raises(DataError, match=r"digits.csv, row 5 .*label is missing"):
        read(write(path, labels))


def test_unknown_label_column_names_what_is_there(read, path: Path) -> None:
    with pytest.raises(DataError, match=r"'kind', found label, pixel0.*set data\.label_column"):
        read(write(path), label_column="kind")


def test_row_of_another_length_is_refused(read, path: Path) -> None:
    write(path)
    path.write_text(path.read_text() + "1,2,3\n")

    with pytest.raises(DataError, match="Expected 65 columns, got 3"):
        read(path)


def test_header_alone_is_refused(read, path: Path) -> None:
    with pytest.raises(DataError, match=r"digits.csv holds 0 examples"):
        read(write(path, [], X[:0]))


def test_blank_lines_are_passed_over(read, path: Path) -> None:
    write(path)
    path.write_text(path.read_text().replace("\n", "\n\n"))

    assert len(read(path)[1]["whole"]) == 12


def test_labels_that_floats_cannot_tell_apart_stay_apart(read, path: Path) -> None:
    reading, _ = read(write(path, [2**53, 2**53 + 1] * 6))

    assert reading.class_names == ("9007199254740992", "9007199254740993")


def test_blank_first_line_is_refused(read, path: Path) -> None:
    path.write_text("\n1,2\n")

    with pytest.raises(DataError, match="first line is blank"):
        read(path)


def test_html_page_is_called_one(read, path: Path) -> None:
    path.write_text("<!doctype html>")

    with pytest.raises(DataError, match="looks like an HTML page"):
        read(path)


def test_binary_file_is_refused(read, path: Path) -> None:
    path.write_bytes(b"\x89PNG\xff\xfe" * 50)

    with pytest.raises(DataError, match=r"digits\.csv"):
        read(path)
