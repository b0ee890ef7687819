import numpy as np
import pytest

from reading import check_unreadable, read_all

GENERATOR = np.random.default_rng(1)
COUNT = 60
X = GENERATOR.integers(0, 256, (COUNT, 64), dtype=np.uint8)
Y = np.arange(COUNT) % 10
WORDS = np.array(["cat", "dog", "owl"])[np.arange(COUNT) % 3]
PIXELS = [f"p{number}" for number in range(64)]


def write(path, *columns, header=None):
    cells = np.column_stack([np.asarray(column, object) for column in columns])
    rows = [header, *cells] if header is not None else cells
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


def bordered(value=0):
    """Images whose first and last pixel have a background with a few other values."""
    images = X.copy()
    images[:, [0, -1]] = 0
    images[7, [0, -1]] = value
    return images


@pytest.fixture
def path(tmp_path):
    return tmp_path / "digits.csv"


def check(path, labels, pixels=X, **settings):
    raw, images = read_all(path, **settings)
    assert [raw.class_names[label] for label in raw.splits[0].labels] == list(map(str, labels))
    np.testing.assert_array_equal(images["unsplit"].reshape(COUNT, 64), pixels)
    return raw


@pytest.mark.parametrize("labels", [Y, Y + 1, WORDS, Y - 1, Y + 300, Y / 2])
@pytest.mark.parametrize("pixels", [X, bordered(), bordered(1), bordered(9)])
@pytest.mark.parametrize("has_header", [False, True])
def test_label_in_first_or_last_column_without_names_is_found_by_values(
    path, labels, pixels, has_header
):
    header = range(65) if has_header else None
    raw = check(write(path, labels, pixels, header=header), labels, pixels)
    assert ["header" in note for note in raw.notes] == [True] * has_header
    write(path, pixels, labels, header=header)
    if pixels[7, 0] == 1 and labels[0] in {-1, 0, 1} and labels[1] != 0.5:  # both count from 0
        check_unreadable(path, "data.label_column to 0 or 64")
    else:
        assert "column 64" in check(path, labels, pixels).notes[-1]


def test_header_of_numbers_behind_a_blank_name_is_recognized(path):
    raw = check(write(path, range(COUNT), Y, X, header=["", *range(65)]), Y)
    assert "header" in raw.notes[0]
    assert "''" in raw.notes[1]


def test_label_without_names_that_could_be_a_pixel_is_refused_until_it_is_named(path):
    pixels = X.copy()
    pixels[:, -1] = GENERATOR.integers(0, 10, COUNT)
    write(path, Y, pixels)
    check_unreadable(path, "digits.csv", "data.label_column to 0 or 64")
    check(path, Y, pixels, label_column="0")
    raw, _ = read_all(path, label_column=64)  # as TOML reads `--set data.label_column=64`
    assert [int(raw.class_names[label]) for label in raw.splits[0].labels] == list(pixels[:, -1])


def test_few_mistakes_do_not_make_a_pixel_column_the_label(path):
    pixels = X.astype(object)
    pixels[[3, 5], -1] = "nan", -1
    check_unreadable(write(path, Y, pixels), "digits.csv, row 3", "nan")


def test_label_of_one_class_is_not_replaced_by_the_last_pixel(path):
    check_unreadable(write(path, Y * 0, X), "only one class")


def test_label_has_one_position_in_all_splits(tmp_path):
    write(tmp_path / "train.csv", X, Y)
    write(tmp_path / "test.csv", X[:4], Y[:4])
    raw, images = read_all(tmp_path)
    assert raw.splits[1].labels.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(images["test"].reshape(4, 64), X[:4])
    write(tmp_path / "test.csv", X[:4, 1:], Y[:4])
    check_unreadable(tmp_path, "test.csv has 64 columns")


@pytest.mark.parametrize("header", [None, range(65), ["a", *PIXELS]])
@pytest.mark.parametrize("name", ["kind", "65"])
def test_named_label_column_that_is_missing_is_always_an_error(path, header, name):
    write(path, Y, X, header=header)
    check_unreadable(path, "digits.csv", f"'{name}'", "data.label_column", label_column=name)


@pytest.mark.parametrize(
    "name", ["", "id", "Id", "index", "image_id", "Unnamed: 0", "Unnamed: 0.1"]
)
@pytest.mark.parametrize("numbers", [range(COUNT), GENERATOR.permutation(COUNT) + 1000])
def test_column_of_row_numbers_is_left_out(path, name, numbers):
    write(path, numbers, X, Y, header=[name, *PIXELS, "label"])
    (note,) = check(path, Y).notes
    assert repr(name) in note


@pytest.mark.parametrize("numbers", [Y, [f"image {row}" for row in range(COUNT)]])
def test_column_called_id_is_refused_as_a_pixel_and_can_be_metadata(path, numbers):
    write(path, numbers, X, Y, header=["id", *PIXELS, "label"])
    check_unreadable(path, "digits.csv", "'id'", "data.metadata_columns")
    raw = check(path, Y, metadata_columns=("id",))
    (batch,) = raw.splits[0].metadata()
    assert batch.to_pydict() == {"id": list(map(str, numbers))}


@pytest.mark.parametrize("name", ["", "Unnamed: 65"])
def test_empty_column_of_a_separator_at_the_end_of_each_line_is_left_out(path, name):
    write(path, Y, X, [""] * COUNT, header=["label", *PIXELS, name])
    (note,) = check(path, Y).notes
    assert f"is empty: the column {name!r}" in note


@pytest.mark.parametrize("name", ["Label", "labels", "class", "Category", "target", " label "])
def test_label_column_called_alike_is_found_whatever_its_case(path, name):
    write(path, X, WORDS, header=[*PIXELS, name])
    assert [name in note for note in check(path, WORDS).notes] == [True] * (name != " label ")
    write(path, Y, X, WORDS, header=["class", *PIXELS, "target"])
    check_unreadable(path, "'label'", "data.label_column")


def test_columns_of_text_are_named_and_can_be_metadata(path):
    files = [f"{row}.png" for row in range(COUNT)]
    write(path, files, X, Y, header=["filename", *PIXELS, "label"])
    check_unreadable(path, "digits.csv", "text in filename", "data.metadata_columns")
    check(path, Y, metadata_columns=("filename",))


def test_file_without_labels_has_the_pixel_columns_of_the_training_file(tmp_path):
    write(tmp_path / "train.csv", Y, X, header=["label", *PIXELS])
    others = (["7a"] * COUNT, X[:, ::-1], range(COUNT))
    write(tmp_path / "test.csv", *others, header=["name", *PIXELS[::-1], "id"])
    (split,) = read_all(tmp_path)[0].unlabelled
    assert (split.name, split.labels.tolist()) == ("test", [-1] * COUNT)
    images = np.concatenate([block.images for block in split.images()])
    np.testing.assert_array_equal(images.reshape(COUNT, 64), X)
    write(tmp_path / "test.csv", X[:, :63], header=PIXELS[:63])
    check_unreadable(tmp_path, "test.csv has no labels", "'p63'", "remove the file")
