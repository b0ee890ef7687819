import os
import zipfile

import numpy as np
import pytest

from reading import check_unreadable, read_all
from sightline.data.readers.npz import npz_archive

X = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
Y = np.arange(20) % 4


def save(path, **changes):
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:8], "y_test": Y[:8]} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


def test_arrays_are_read_exactly(path):
    raw, images = read_all(save(path))
    assert raw.image_shape == (8, 8, 1)
    assert raw.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(images["train"][..., 0], X)
    np.testing.assert_array_equal(raw.splits[1].labels, Y[:8])
    assert raw.splits[1].source(3) == "x_test#3"


def test_compressed_rgb_images_are_read(path):
    colour = np.random.default_rng(0).integers(0, 256, (20, 8, 10, 3), dtype=np.uint8)
    np.savez_compressed(path, x_train=colour, y_train=Y[:, np.newaxis])
    raw, images = read_all(path)
    assert raw.image_shape == (8, 10, 3)
    np.testing.assert_array_equal(images["unsplit"], colour)


@pytest.mark.parametrize("dtype", ["int64", ">i4", "float32", "float64", "uint16"])
def test_integers_of_any_dtype_are_pixels_and_strings_are_labels(path, dtype):
    words = np.asarray(["dog", "cat", "owl", "ant"])[Y]
    raw, images = read_all(save(path, x_train=X.astype(dtype), y_train=words, y_test=words[:8]))
    np.testing.assert_array_equal(images["train"][..., 0], X)
    assert raw.class_names == ("ant", "cat", "dog", "owl")
    assert [raw.class_names[label] for label in raw.splits[0].labels] == words.tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 256.0, 3.25])
def test_invalid_pixel_is_refused_with_its_row(path, bad):
    broken = X.astype(np.float32)
    broken[13, 2, 5] = bad
    check_unreadable(save(path, x_train=broken), "x_train, row 13", f"{bad:g}")


def test_pickled_array_is_refused_and_never_run(path, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "canary"),)

    save(path, y_train=np.asarray([Bomb()] * 20, dtype=object))
    check_unreadable(path, "y_train", "pickled")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"y_train": None}, "the array y_train"),
        ({"x_test": None}, "the array x_test"),
        ({"x_train": np.full((20, 8, 8), 0.5)}, "by 255, round, and save them as uint8"),
        ({"y_train": Y[:-1]}, "y_train has 19 labels"),
        ({"x_train": X.reshape(20, 4, 4, 4)}, "(n, height, width)"),
        ({"x_train": X[:, 0, :7]}, "(20, 7)"),
        ({"x_train": np.zeros((20, 3, 8, 8), np.uint8)}, "x_train (8, 8, 3), x_test (8, 8, 1)"),
        ({"x_train": X + 0j}, "complex"),
        ({"y_train": Y + 0.5}, "y_train, row 0 (counted from 0): expected an integer or text"),
        ({"y_train": Y.astype("datetime64[s]")}, "datetime64"),
        ({"y_train": np.eye(4)[Y]}, "y_train has the shape (20, 4), but y_test (8,)"),
        ({"y_train": np.eye(4)[Y][np.newaxis].repeat(20, 0)}, "(20, 20, 4)"),
        ({"X_train": X}, "both 'X_train' and 'x_train'"),
        ({"train_labels": Y}, "both 'train_labels' and 'y_train'"),
        ({"y_train": Y * 0}, "one class"),
        ({"y_test": Y[:8] + 1}, "y_test, row 3 (counted from 0): the label 4 "),
        (
            {"x_test": X[:0], "y_test": Y[:0]},
            "x_test has 0 examples; expected 1 to 10,000,000: add some, or remove this split",
        ),
        ({"x_test": X[:8, :, :7]}, "x_test (8, 7, 1)"),
        ({"y_train": np.ndarray(20, "<U0")}, "y_train: its values have no bytes"),
    ],
)
def test_malformed_array_is_refused(path, changes, fact):
    check_unreadable(save(path, **changes), "data.npz", fact)


def test_damaged_archive_or_directory_is_refused_with_its_name(path):
    content = bytearray(save(path).read_bytes())
    path.write_bytes(content[:-100])
    check_unreadable(path, "data.npz", "fresh copy")
    comment_length = content.rindex(b"PK\x01\x02", 0, content.rindex(b"y_train.npy")) + 32
    content[comment_length] = 200
    path.write_bytes(content)
    check_unreadable(path, "directory states 4 members but lists 2")
    content[comment_length] = 0
    content[content.index(X[5].tobytes())] ^= 4
    path.write_bytes(content)
    check_unreadable(path, "CRC")


def test_bomb_of_one_giant_image_is_refused(path):
    np.savez_compressed(path, x_train=np.zeros((1, 9000, 9000), np.uint8), y_train=Y[:1])
    check_unreadable(path, "67,108,864", "81,000,000")


def array(header, body=b"", version=1):
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes((version, 0)) + length + header + body


def described(shape):
    return f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()


IMAGES = array(described(X.shape), X.tobytes(), version=2)


def write_arrays(path, images, labels, method=8):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x_train.npy", images)
        archive.writestr("y_train.npy", labels)
    return path


@pytest.mark.parametrize(
    ("header", "version", "fact"),
    [
        *(
            (described(shape), 1, str(shape))
            for shape in ((9_000_000, 4000, 4000), (9, 2**62, 2**62), (9, -8, 8))
        ),
        (b"(" * 5000, 1, ""),
        (b"-" * 9000 + b"1", 1, ""),
        (b"{'descr':", 1, ""),
        (b"{[]: 1}", 1, "unhashable"),
        (b" " * 10_001, 2, "10,001 bytes"),
        (b"{}", 9, "(9, 0)"),
    ],
)
def test_header_that_is_wrong_or_cannot_be_parsed_is_refused(path, header, version, fact):
    broken = array(header, version=version)
    check_unreadable(write_arrays(path, broken, broken), "x_train", fact)


def test_header_of_version_2_is_read(path):
    labels = array(described(Y.shape), Y.astype(np.uint8).tobytes(), version=2)
    _, images = read_all(write_arrays(path, IMAGES, labels))
    np.testing.assert_array_equal(images["unsplit"][..., 0], X)
    write_arrays(path, IMAGES, labels, zipfile.ZIP_LZMA)
    check_unreadable(path, "x_train", "compression")


def test_member_that_leads_elsewhere_is_ignored_and_nothing_is_written(path, tmp_path):
    save(path)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../../escaped.npy", f"{tmp_path}/escaped.npy"):
            archive.writestr(name, b"escaped")
    _, images = read_all(path)
    np.testing.assert_array_equal(images["train"][..., 0], X)
    assert list(tmp_path.iterdir()) == [path]
    assert not list(tmp_path.parent.glob("escaped*"))


@pytest.mark.parametrize("point", [0xD800, 0x110000, 2**32 - 1])
def test_label_that_is_not_unicode_is_refused_with_its_row(path, point):
    points = np.full((20, 2), ord("a"), np.uint32)
    points[13, 1] = point
    check_unreadable(save(path, y_train=points.view("<U2")[:, 0]), "y_train, row 13", "label")


def test_arrays_in_fortran_order_are_read_up_to_a_limit(path, monkeypatch):
    one_hot = np.asfortranarray(np.eye(4)[Y])  # as the values of pandas.get_dummies
    arrays = {"x_train": np.asfortranarray(X), "y_train": one_hot, "y_test": one_hot[:8]}
    raw, images = read_all(save(path, **arrays))
    np.testing.assert_array_equal(images["train"][..., 0], X)
    assert raw.splits[0].labels.tolist() == Y.tolist()
    monkeypatch.setattr(npz_archive, "_MOST_FORTRAN_BYTES", X.nbytes - 1)
    check_unreadable(path, "data.npz", "np.ascontiguousarray(x_train)")


@pytest.mark.parametrize("dtype", ["float32", ">f8", "S1", ">i4"])
def test_labels_as_floats_bytes_or_in_big_endian_are_read(path, dtype):
    raw, _ = read_all(save(path, y_train=Y.astype(dtype), y_test=Y[:8].astype(dtype)))
    assert raw.class_names == ("0", "1", "2", "3")
    assert raw.splits[0].labels.tolist() == Y.tolist()


def test_labels_of_true_and_false_are_two_classes(path):
    raw, _ = read_all(save(path, y_train=Y > 0, y_test=Y[:8] > 0))
    assert raw.class_names == ("False", "True")
    assert raw.splits[0].labels[:4].tolist() == [0, 1, 1, 1]


def test_bytes_that_are_no_utf_8_text_are_refused(path):
    check_unreadable(save(path, y_train=np.array([b"a", b"\xff"] * 10)), "y_train", "UTF-8")


def test_text_labels_are_composed_trimmed_and_in_natural_order(path):
    train = np.asarray(["10", "caf\xe9", "9", "9b"])[Y]
    test = np.asarray(["10 ", "cafe\u0301", "9", "9b"])[Y[:8]]
    raw, _ = read_all(save(path, y_train=train, y_test=test))
    assert raw.class_names == ("9", "9b", "10", "caf\xe9")
    assert raw.splits[0].labels[:4].tolist() == [2, 3, 0, 1]
    assert raw.splits[1].labels[:4].tolist() == [2, 3, 0, 1]
