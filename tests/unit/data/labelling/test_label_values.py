import numpy as np
import pyarrow as pa
import pytest

from sightline.data.labelling.label_values import is_missing, is_text, to_values
from sightline.errors import DataError

DECIMAL = pa.decimal128(20, 2)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pa.array([True, False]), ["True", "False"]),
        (pa.array([0.0, 1.0]), [0, 1]),
        (pa.array(np.array([0, 7], np.float16)), [0, 7]),
        (pa.array([0.0, -1.0], pa.float32()), [0, -1]),
        (pa.array([1.0, 2.0]).cast(DECIMAL), [1, 2]),
        (pa.array([b"cat", "H\xfchner".encode()]), ["cat", "H\xfchner"]),
        (pa.array(["cat", "dog"], pa.string_view()), ["cat", "dog"]),
        (pa.array([b"cat"], pa.binary_view()), ["cat"]),
        (pa.array([1, 2], pa.uint8()), [1, 2]),
        (pa.array(["NA", "None", "nanny"]), ["NA", "None", "nanny"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
    ],
)
def test_labels_of_any_usual_type_become_integers_or_text(labels, expected):
    assert to_values(labels, "train", 0).to_pylist() == expected


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([0, None]),
        pa.array([0.0, float("nan")]),
        pa.array([True, None]),
        pa.array([1.0, None]).cast(DECIMAL),
        *(pa.array(["cat", missing]) for missing in ("", " ", "nan", "NaN", "<NA>", "#N/A", "NaT")),
        pa.array([b"cat", b"nan"]),
    ],
)
def test_missing_label_is_no_class(labels):
    assert to_values(labels, "train", 0).is_null().to_pylist() == [False, True]


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        (pa.array([1.0, 0.5]), r"row 101 .*found 0\.5; fix it"),
        (pa.array([0.0, 2.0**53]), r"row 101 .*found 9.0072e\+15"),
        (pa.array([1.0, 2.5]).cast(DECIMAL), r"row 101 .*found 2\.5"),
        (pa.array([[0], [1]]), "found list"),
        (pa.array([0], pa.timestamp("s")), "found timestamp"),
        (pa.array([b"\xff"]), "not UTF-8"),
    ],
)
def test_labels_that_are_no_integers_or_text_are_refused(labels, fact):
    with pytest.raises(DataError, match=fact):
        to_values(labels, "train", 100)


def test_blank_and_not_a_number_are_missing_in_tables_too():
    assert all(map(is_missing, ["", "  ", "NaN", "<NA>"]))
    assert not any(map(is_missing, ["0", "NA", "none"]))


def test_categories_are_text_if_their_values_are():
    assert is_text(pa.dictionary(pa.int8(), pa.string()))
    assert not is_text(pa.dictionary(pa.int8(), pa.int64()))
