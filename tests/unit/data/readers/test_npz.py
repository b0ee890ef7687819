import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from examples import write_npz
from sightline.errors import DataError

X = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
Y = np.arange(20) % 4


def save(path: Path, **changes: object) -> Path:
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:8], "y_test": Y[:8]} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.npz"


def test_arrays_are_read_exactly(read, path: Path) -> None:
    reading, images = read(save(path))

    assert reading.image_shape == (8, 8, 1)
    assert reading.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(images["train"][..., 0], X)
    np.testing.assert_array_equal(reading.examples[1].labels, Y[:8])
    assert reading.examples[1].origin(3) == "x_test#3"


def test_rgb_images_are_read_in_a_compressed_archive(read, path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (20, 8, 10, 3), dtype=np.uint8)
    np.savez_compressed(path, x_train=colour, y_train=Y[:, np.newaxis])

    reading, images = read(path)

    assert reading.image_shape == (8, 10, 3)
    np.testing.assert_array_equal(images["whole"], colour)


@pytest.mark.parametrize("dtype", ["int64", ">i4", "float32", "float64", "uint16"])
def test_whole_numbers_of_any_type_are_pixels(read, path: Path, dtype: str) -> None:
    _, images = read(save(path, x_train=X.astype(dtype)))

    np.testing.assert_array_equal(images["train"][..., 0], X)


def test_integer_labels_sort_as_numbers(read, path: Path) -> None:
    reading, _ = read(save(path, y_train=Y * 5 + 1, y_test=Y[:8] * 5 + 1))

    assert reading.class_names == ("1", "6", "11", "16")
    np.testing.assert_array_equal(reading.examples[0].labels, Y)


def test_string_labels_become_class_names(read, path: Path) -> None:
    words = np.asarray(["dog", "cat", "owl", "ant"])[Y]
    reading, _ = read(save(path, y_train=words, y_test=words[:8]))

    assert reading.class_names == ("ant", "cat", "dog", "owl")
    assert [reading.class_names[i] for i in reading.examples[0].labels[:3]] == ["dog", "cat", "owl"]


def test_the_shared_example_is_readable(read, path: Path) -> None:
    reading, _ = read(write_npz(path))

    assert [len(part.labels) for part in reading.examples] == [160, 40]


def test_scaled_floats_are_refused_with_the_remedy(read, path: Path) -> None:
    with pytest.raises(DataError, match=r"x_train, row 0 .*by 255, round and save them as uint8"):
        read(save(path, x_train=np.full((20, 8, 8), 0.5)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 256.0, 3.25])
def test_value_that_is_no_pixel_is_refused_with_its_row(read, path: Path, bad: float) -> None:
    broken = X.astype(np.float32)
    broken[13, 2, 5] = bad

    with pytest.raises(DataError, match=rf"x_train, row 13 .*found {bad:g}"):
        read(save(path, x_train=broken))


def test_pickled_array_is_refused_and_never_run(read, path: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(canary),)

    np.savez(path, x_train=X, y_train=np.asarray([Bomb()] * 20, dtype=object))

    with pytest.raises(DataError, match="pickled Python objects, which are never loaded"):
        read(path)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": None}, "lacks the array y_train; expected x_train and y_train"),
        ({"x_test": None}, "lacks the array x_test"),
        ({"y_train": Y[:-1]}, "x_train holds 20 images, but y_train 19 labels"),
        ({"x_train": X[:, 0]}, r"expected the shape \(n, height, width\)"),
        ({"x_train": np.zeros((20, 3, 8, 8), np.uint8)}, "expected the shape"),
        ({"x_train": X > 9}, "found bool"),
        ({"y_train": Y + 0.5}, "expected integers or strings as labels, found float64"),
        ({"y_train": np.eye(4)[Y]}, "one-hot labels become numbers"),
        ({"y_train": Y * 0}, "has one class only"),
        ({"y_test": Y[:8] + 1}, "y_test, row 3 .*label 4 never occurs in the training split"),
        ({"x_test": X[:0], "y_test": Y[:0]}, "x_test holds 0 examples"),
        ({"x_test": X[:8, :, :7]}, "differ in their image shape"),
        ({"x_train": np.asfortranarray(X)}, "Fortran order"),
    ],
)
def test_malformed_array_is_refused(read, path: Path, changes: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(save(path, **changes))


def test_html_page_is_called_one(read, path: Path) -> None:
    path.write_text("<html><body>404</body></html>")

    with pytest.raises(DataError, match=r"data.npz looks like an HTML page"):
        read(path)


def test_truncated_archive_is_refused_with_its_name(read, path: Path) -> None:
    save(path)
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(DataError, match=r"data\.npz cannot be read as an \.npz archive"):
        read(path)


def test_flipped_bit_in_the_images_is_noticed(read, path: Path) -> None:
    save(path)
    content = bytearray(path.read_bytes())
    content[content.index(X[5].tobytes())] ^= 4
    path.write_bytes(content)

    with pytest.raises(DataError, match="Bad CRC-32"):
        read(path)


def test_bomb_of_one_giant_image_is_refused(read, path: Path) -> None:
    giant = np.zeros((1, 9000, 9000), np.uint8)

    np.savez_compressed(path, x_train=giant, y_train=Y[:1])

    with pytest.raises(DataError, match="at most 67,108,864 bytes an example, found 81,000,000"):
        read(path)


def test_unusual_compression_is_refused(read, path: Path) -> None:
    content = io.BytesIO()
    np.save(content, X)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name in ("x_train.npy", "y_train.npy"):
            archive.writestr(name, content.getvalue())

    with pytest.raises(DataError, match="in a way that NumPy never uses"):
        read(path)


def test_members_hidden_by_a_damaged_directory_are_noticed(read, path: Path) -> None:
    save(path)
    content = bytearray(path.read_bytes())
    comment_length = content.rindex(b"PK\x01\x02", 0, content.rindex(b"y_train.npy")) + 32
    content[comment_length] = 200
    path.write_bytes(content)

    with pytest.raises(DataError, match="directory states 4 members and lists 2"):
        read(path)


@pytest.mark.parametrize("shape", [(9_000_000, 4000, 4000), (9, 2**62, 2**62), (9, -8, 8)])
def test_header_that_states_more_than_there_is_is_refused(
    read, path: Path, shape: tuple[int, ...]
) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", header.getvalue())
        archive.writestr("y_train.npy", header.getvalue())

    with pytest.raises(DataError, match="more than the archive holds"):
        read(path)


def member(header: bytes, body: bytes = b"", version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes((version, 0)) + length + header + body


def write_members(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    ("header", "version", "message"),
    [
        (b"(" * 5000, 1, "x_train is not an NPY array: "),
        (b"-" * 9000 + b"1", 1, "x_train is not an NPY array: "),
        (b"{'descr':", 1, "x_train is not an NPY array: "),
        (b"{[]: 1}", 1, "x_train is not an NPY array: unhashable"),
        (b" " * 10_001, 2, "its header states 10,001 bytes"),
        (b"{}", 9, r"it is of version \(9, 0\), which is unknown"),
    ],
)
def test_header_that_numpy_stumbles_over_is_refused(
    read, path: Path, header: bytes, version: int, message: str
) -> None:
    broken = member(header, version=version)

    with pytest.raises(DataError, match=message):
        read(write_members(path, x_train=broken, y_train=broken))


def test_header_of_version_2_is_read(read, path: Path) -> None:
    shapes = {"x_train": X.shape, "y_train": Y.shape}
    members = {}
    for name, values in (("x_train", X), ("y_train", Y.astype(np.uint8))):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shapes[name]}}}\n"
        members[name] = member(header.encode(), values.tobytes(), version=2)

    _, images = read(write_members(path, **members))

    np.testing.assert_array_equal(images["whole"][..., 0], X)


def test_member_that_leads_elsewhere_is_ignored_and_nothing_is_written(
    read, path: Path, tmp_path: Path
) -> None:
    save(path)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../../escaped.npy", f"{tmp_path}/escaped.npy"):
            archive.writestr(name, b"escaped")

    _, images = read(path)

    np.testing.assert_array_equal(images["train"][..., 0], X)
    assert list(tmp_path.iterdir()) == [path]
    assert not list(tmp_path.parent.glob("escaped*"))


def test_labels_of_no_bytes_are_refused(read, path: Path) -> None:
    labels = member(b"{'descr': '<U0', 'fortran_order': False, 'shape': (20,)}\n")
    save(path)
    with zipfile.ZipFile(path) as archive:
        images = archive.read("x_train.npy")

    with pytest.raises(DataError, match=r"y_train: its values take no bytes"):
        read(write_members(path, x_train=images, y_train=labels))


@pytest.mark.parametrize("point", [0xD800, 0x110000, 2**32 - 1])
def test_label_that_is_no_text_is_refused_with_its_row(read, path: Path, point: int) -> None:
    points = np.full((20, 2), ord("a"), np.uint32)
    points[13, 1] = point

    with pytest.raises(DataError, match=r"y_train, row 13 .*: the label is no text"):
        read(save(path, y_train=points.view("<U2")[:, 0]))
