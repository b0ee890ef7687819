import numpy as np
import pytest

from reading import read_all
from sightline.data.readers.csv.csv_pixel_order import find_order

NAMES = [f"pixel{number}" for number in range(64)]
GRID = [f"{row}x{column}" for row in range(1, 13) for column in range(1, 13)]
X = (np.arange(6 * 64) * 2 % 256).reshape(6, 64)


def write(path, names):
    columns = [NAMES.index(name) for name in names]
    lines = [",".join(["label", *names])]
    lines += [f"{row % 2},{','.join(map(str, X[row][columns]))}" for row in range(6)]
    path.write_text("\n".join(lines))
    return path


def test_pixel_columns_that_were_sorted_as_text_are_put_in_order_with_a_note(tmp_path):
    raw, images = read_all(write(tmp_path / "data.csv", sorted(NAMES)))
    np.testing.assert_array_equal(images["unsplit"].reshape(6, 64), X)
    assert raw.notes == ("Taken in the order of their names: the pixel columns of data.csv.",)


def test_pixel_columns_of_the_test_file_are_those_of_the_training_file(tmp_path):
    write(tmp_path / "train.csv", NAMES)
    write(tmp_path / "test.csv", NAMES[::-1])
    raw, images = read_all(tmp_path)
    np.testing.assert_array_equal(images["test"].reshape(6, 64), X)
    assert raw.notes == ("Taken in the order of their names: the pixel columns of test.csv.",)


@pytest.mark.parametrize("names", [NAMES, GRID, [f"{name[::-1]}" for name in GRID], ["b", "a"]])
def test_columns_in_order_or_without_one_number_stay_as_they_are(names):
    assert find_order(names, None) is None


@pytest.mark.parametrize(
    ("names", "train", "expected"),
    [
        (sorted(GRID), None, GRID),
        (["2", "10", "1"], None, ["1", "2", "10"]),
        (["b", "a"], ["a", "b"], ["a", "b"]),
        (["p2", "p1"], ["q1", "q2"], ["p1", "p2"]),
    ],
)
def test_order_is_that_of_the_numbers_or_of_the_training_file(names, train, expected):
    assert find_order(names, train) == tuple(expected)


def test_names_with_several_texts_or_equal_numbers_stay_as_they_are():
    assert find_order(["r2", "g1"], None) is None
    assert find_order(["p01", "p1", "p0"], None) is None
