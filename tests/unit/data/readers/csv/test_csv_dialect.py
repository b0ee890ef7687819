import numpy as np
import pytest

from reading import check_unreadable, read_all
from sightline.data.readers.csv.csv_dialect import Dialect, find_dialect

X = (np.arange(6 * 64) * 2 % 100).reshape(6, 64)
HEADER = ["label", *(f"pixel{number}" for number in range(64))]
ROWS = [["ab"[number % 2], *map(str, pixels)] for number, pixels in enumerate(X)]


def write(path, header=HEADER, rows=ROWS, separator=",", end="\n", encoding="utf-8"):
    lines = [separator.join(row) for row in [*([header] if header else []), *rows]]
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [HEADER, None])
def test_file_as_spreadsheets_write_it_is_read(path, separator, encoding, end, header):
    raw, images = read_all(write(path, header, ROWS, separator, end, encoding))
    assert raw.class_names == ("a", "b")
    assert raw.splits[0].labels.tolist() == [0, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(images["unsplit"].reshape(6, 64), X)


def test_comma_is_the_decimal_point_beside_semicolons(path):
    decimals = [[row[0], *(f"{cell},0" for cell in row[1:])] for row in ROWS]
    _, images = read_all(write(path, rows=decimals, separator=";"))
    np.testing.assert_array_equal(images["unsplit"].reshape(6, 64), X)


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("a,b\n1,2\n", Dialect()),
        ("one\n", Dialect()),
        ("a;b\n1,5;2,5\n", Dialect(separator=";", decimal_point=",")),
        ('"a;b",c\n', Dialect()),
        ("file,pixels\n1,2 3;4 5\n", Dialect()),
    ],
)
def test_separator_is_that_of_the_most_cells_in_the_first_line(path, text, dialect):
    path.write_text(text)
    assert find_dialect(path) == dialect


@pytest.mark.parametrize("content", ["label,\xe4\n".encode("latin-1"), b"\xff\xfea\n\x00\xd8b"])
def test_file_in_another_encoding_is_refused_with_the_remedy(path, content):
    path.write_bytes(content)
    check_unreadable(path, "data.csv", "save it as UTF-8")


@pytest.mark.parametrize("separator", [",", ";"])
def test_separator_that_ends_the_rows_but_not_the_header_makes_no_column(path, separator):
    raw, images = read_all(write(path, rows=[[*row, ""] for row in ROWS], separator=separator))
    np.testing.assert_array_equal(images["unsplit"].reshape(6, 64), X)
    assert "is empty: the column 'Unnamed: 65'" in raw.notes[0]
    check_unreadable(write(path, rows=[[*ROWS[0], ""], [*ROWS[1], "7"]]), "'Unnamed: 65'")
