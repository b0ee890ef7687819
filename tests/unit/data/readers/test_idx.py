import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 9, 8), dtype=np.uint8)
LABELS = (np.arange(30) % 3).astype(np.uint8)


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "t10k"):
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS))
    return tmp_path


def pack(folder: Path, name: str, content: bytes | None = None) -> Path:
    plain = folder / name
    packed = folder / f"{name}.gz"
    packed.write_bytes(gzip.compress(content or plain.read_bytes(), mtime=0))
    plain.unlink()
    return packed


def test_plain_files_are_read_exactly(read, folder: Path) -> None:
    reading, images = read(folder)

    assert reading.class_names == ("0", "1", "2")
    assert reading.image_shape == (9, 8, 1)
    assert [part.split for part in reading.examples] == ["train", "test"]
    np.testing.assert_array_equal(images["train"][..., 0], IMAGES)
    np.testing.assert_array_equal(reading.examples[1].labels, LABELS)
    assert reading.examples[0].origin(7) == "train-images-idx3-ubyte#7"


def test_packed_files_read_like_plain_ones(read, folder: Path) -> None:
    for file in list(folder.iterdir()):
        pack(folder, file.name)

    _, images = read(folder)

    np.testing.assert_array_equal(images["test"][..., 0], IMAGES)


def test_images_beyond_one_block_are_read_exactly(read, folder: Path) -> None:
    many = np.random.default_rng(1).integers(0, 256, (3001, 100, 90), dtype=np.uint8)
    (folder / "train-images-idx3-ubyte").write_bytes(idx_bytes(many))
    labels = (np.arange(3001) % 2).astype(np.uint8)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    for split in ("images-idx3", "labels-idx1"):
        (folder / f"t10k-{split}-ubyte").unlink()

    _, images = read(folder)

    np.testing.assert_array_equal(images["whole"][..., 0], many)


def test_without_test_files_the_source_is_whole(read, folder: Path) -> None:
    for part in ("images-idx3", "labels-idx1"):
        (folder / f"t10k-{part}-ubyte").unlink()

    reading, _ = read(folder)

    assert [part.split for part in reading.examples] == ["whole"]


def test_missing_labels_are_named(read, folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").unlink()

    with pytest.raises(DataError, match="lacks the labels of its test split"):
        read(folder)


@pytest.mark.parametrize("keep", [0, 1, 9, 100, -1])
def test_truncated_archive_is_refused_with_its_name(read, folder: Path, keep: int) -> None:
    packed = pack(folder, "train-images-idx3-ubyte")
    packed.write_bytes(packed.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        read(folder)


def test_second_gzip_member_is_refused(read, folder: Path) -> None:
    packed = pack(folder, "train-images-idx3-ubyte")
    packed.write_bytes(packed.read_bytes() + gzip.compress(b"more"))

    with pytest.raises(DataError, match="goes on after the end of its gzip data"):
        read(folder)


def test_html_page_is_called_one(read, folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").write_bytes(b"\n<!DOCTYPE html><html>Sign in</html>")

    with pytest.raises(DataError, match="train-images-idx3-ubyte looks like an HTML page"):
        read(folder)


def test_empty_file_is_refused(read, folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").write_bytes(b"")

    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is empty"):
        read(folder)


def test_wrong_magic_number_is_refused(read, folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(b"\0\0\x0d\3" + path.read_bytes()[4:])

    with pytest.raises(DataError, match=r"0x00000803.*found the magic number 0x00000d03"):
        read(folder)


@pytest.mark.parametrize(("change", "found"), [(-1, "1 bytes less"), (1, "holds more")])
def test_count_that_differs_from_the_bytes_is_refused(
    read, folder: Path, change: int, found: str
) -> None:
    path = folder / "train-images-idx3-ubyte"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0")

    with pytest.raises(DataError, match=f"train-images-idx3-ubyte.*30 x 9 x 8.*{found}"):
        read(folder)


def test_images_and_labels_of_different_number_are_refused(read, folder: Path) -> None:
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:-1]))

    with pytest.raises(DataError, match=r"holds 30 images, but .* holds 29 labels"):
        read(folder)


def test_absurd_header_is_refused_before_anything_is_allocated(read, folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(bytes((0, 0, 8, 3)) + struct.pack(">3I", 2**32 - 1, 8, 8))

    with pytest.raises(DataError, match="holds 4,294,967,295 examples"):
        read(folder)


def test_header_without_images_is_refused(read, folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES[:0]))

    with pytest.raises(DataError, match="t10k-images-idx3-ubyte holds 0 examples"):
        read(folder)


def test_splits_of_different_image_size_are_refused(read, folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES[:, :8]))

    with pytest.raises(DataError, match="expected one image size, found 8x8 and 9x8"):
        read(folder)


def test_image_that_would_fill_the_memory_is_refused_by_its_header(read, folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(bytes((0, 0, 8, 3)) + struct.pack(">3I", 30, 8193, 8192))

    with pytest.raises(DataError, match=r"states an impossible image size \(8193, 8192\)"):
        read(folder)
