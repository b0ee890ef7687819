import gzip
import struct

import numpy as np
import pytest

from bad_files import idx_bytes
from reading import check_unreadable, read_all

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 9, 8), dtype=np.uint8)
LABELS = (np.arange(30) % 3).astype(np.uint8)
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def header(*sizes):
    return bytes((0, 0, 8, 3)) + struct.pack(">3I", *sizes)


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "t10k"):
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS))
    return tmp_path


def pack(folder, name):
    packed = folder / f"{name}.gz"
    packed.write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
    (folder / name).unlink()
    return packed


@pytest.mark.parametrize("packed", [False, True])
def test_files_are_read_exactly_plain_or_packed(folder, packed):
    for file in list(folder.iterdir()) if packed else ():
        pack(folder, file.name)
    raw, images = read_all(folder)
    assert raw.class_names == ("0", "1", "2")
    assert raw.image_shape == (9, 8, 1)
    for split in ("train", "test"):
        np.testing.assert_array_equal(images[split][..., 0], IMAGES)
    np.testing.assert_array_equal(raw.splits[1].labels, LABELS)
    assert raw.splits[0].source(7) == f"{TRAIN_IMAGES}#7"


def test_images_beyond_one_block_are_read_exactly_without_a_test_split(folder):
    many = np.random.default_rng(1).integers(0, 256, (3001, 100, 90), dtype=np.uint8)
    (folder / TRAIN_IMAGES).write_bytes(idx_bytes(many))
    (folder / TRAIN_LABELS).write_bytes(idx_bytes((np.arange(3001) % 2).astype(np.uint8)))
    for name in (TEST_IMAGES, TEST_LABELS):
        (folder / name).unlink()
    np.testing.assert_array_equal(read_all(folder)[1]["unsplit"][..., 0], many)


@pytest.mark.parametrize("keep", [0, 1, 9, 100, -1])
def test_truncated_archive_is_refused_with_its_name(folder, keep):
    packed = pack(folder, TRAIN_IMAGES)
    content = packed.read_bytes()
    packed.write_bytes(content[:keep])
    check_unreadable(folder, f"{TRAIN_IMAGES}.gz")
    packed.write_bytes(content + gzip.compress(b"more"))
    check_unreadable(folder, f"{TRAIN_IMAGES}.gz", "single gzip member")


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        (TRAIN_IMAGES, b"\n<!DOCTYPE html><html>Sign in</html>", "HTML"),
        (TEST_LABELS, b"", "empty"),
        (TRAIN_IMAGES, idx_bytes(IMAGES, kind=13), "0x00000d03"),
        (TRAIN_IMAGES, idx_bytes(IMAGES)[:-1], "30 x 9 x 8 bytes, but it has 1 bytes less"),
        (TRAIN_IMAGES, idx_bytes(IMAGES) + b"\0", "30 x 9 x 8 bytes, but it has more"),
        (TRAIN_LABELS, idx_bytes(LABELS[:-1]), "29 labels"),
        (TRAIN_IMAGES, header(2**32 - 1, 8, 8), "4,294,967,295 examples"),
        (TRAIN_IMAGES, header(30, 8193, 8192), "(8193, 8192)"),
        (TEST_IMAGES, idx_bytes(IMAGES[:0]), "0 examples"),
    ],
)
def test_malformed_file_is_refused_with_its_name(folder, name, content, fact):
    (folder / name).write_bytes(content)
    check_unreadable(folder, name, fact)


def test_splits_that_do_not_match_are_refused(folder):
    (folder / TEST_IMAGES).write_bytes(idx_bytes(IMAGES[:, :8]))
    check_unreadable(folder, "8x8", "9x8")
    (folder / TRAIN_LABELS).unlink()
    check_unreadable(folder, str(folder), "labels of the train split")


def rename(folder, prefix):
    for file in list(folder.iterdir()):
        file.rename(folder / f"{prefix}{file.name.replace('t10k', 'test')}")


def test_emnist_is_read_by_its_names_and_its_images_are_transposed_back(folder):
    rename(folder, "emnist-balanced-")
    for file in list(folder.iterdir()):
        pack(folder, file.name)
    (folder / "emnist-balanced-mapping.txt").write_text("0 48\n")
    raw, images = read_all(folder)
    assert raw.image_shape == (8, 9, 1)
    for split in ("train", "test"):
        np.testing.assert_array_equal(images[split][..., 0], IMAGES.transpose(0, 2, 1))
    np.testing.assert_array_equal(raw.splits[0].labels, LABELS)
    assert raw.splits[1].source(7) == "emnist-balanced-test-images-idx3-ubyte#7"
    assert [note for note in raw.notes if "transposed" in note]


def test_several_sets_in_one_folder_are_refused_with_their_names(folder):
    rename(folder, "emnist-letters-")
    (folder / "emnist-digits-train-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    check_unreadable(folder, "emnist-digits-train", "emnist-letters-train", "a folder of their own")
    (folder / "emnist-digits-train-images-idx3-ubyte").unlink()
    (folder / "emnist-letters-test-images-idx3-ubyte").unlink()
    check_unreadable(folder, "images of the test split", "emnist-letters-train-images-idx3-ubyte")
