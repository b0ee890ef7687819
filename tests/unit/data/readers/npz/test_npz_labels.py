import numpy as np
import pytest

from reading import check_unreadable, read_all

X = np.zeros((20, 8, 8), np.uint8)
Y = np.arange(20) % 4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


def save(path, train, test):
    np.savez(path, x_train=X, y_train=train, x_test=X[:8], y_test=test)
    return path


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, ">i4", np.float64])
def test_one_hot_rows_are_read_as_numbers(path, dtype):
    rows = np.eye(5)[Y + (Y == 3)].astype(dtype)  # no image has the class 3
    raw, _ = read_all(save(path, rows, rows[:8]))
    assert raw.class_names == ("0", "1", "2", "4")
    np.testing.assert_array_equal(raw.splits[0].labels, Y)


@pytest.mark.parametrize("row", [[0, 0, 0, 0], [1, 0, 0, 1], [0.9, 0.1, 0, 0], [1, 0, 0, -1]])
def test_rows_of_several_labels_or_none_are_refused(path, row):
    rows = np.eye(4)[Y]
    rows[13] = row
    check_unreadable(save(path, rows, rows[:8]), "y_train, row 13", "one-hot")


def test_one_hot_rows_of_other_widths_are_refused(path):
    rows = np.eye(5)[Y]
    save(path, rows, rows[:8, :4])
    check_unreadable(path, "(20, 5)", "(8, 4)")
