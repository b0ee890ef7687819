import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from run_to_predict import dots
from sightline.errors import DataError
from sightline.prediction import npy


def save(path: Path, array: NDArray[np.generic]) -> Path:
    np.save(path, array)
    return path


def stating(shape: tuple[int, ...], **fields: object) -> bytes:
    file = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": shape, **fields}
    np.lib.format.write_array_header_1_0(file, described)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("shape", [(5, 8, 9), (5, 8, 9, 1), (5, 8, 9, 3)])
def test_any_rows_of_an_array_are_read_exactly(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    header = npy.read_header(save(tmp_path / "x.npy", images))
    assert header.shape == (5, 8, 9, shape[3] if len(shape) > 3 else 1)
    with header.path.open("rb") as file:
        found = npy.read_images(header, file.fileno(), 2, 3)
    assert np.array_equal(found, images.reshape(header.shape)[2:])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 8, 8), np.float32), "found float32; scale the pixels to 0 to 255"),
        (np.zeros((2, 8, 8), np.int64), "expected uint8 .* found int64"),
        (np.zeros((8, 8), np.uint8), r"found the shape \(8, 8\)"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"found the shape \(2, 8, 8, 4\)"),
        (np.zeros((0, 8, 8), np.uint8), r"found the shape \(0, 8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), r"looks like one image; save it as images\[None\]"),
        (np.asfortranarray(dots(4)[..., 0]), "Fortran order"),
        (np.array([{}, None]), "expected uint8 .* found object"),
    ],
)
def test_array_of_anything_else_is_refused(
    tmp_path: Path, array: NDArray[np.generic], message: str
) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        npy.read_header(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>", "HTML page"),
        (pickle.dumps([1]), "is not an NPY array"),
        (stating((10**12, 8, 8)), "expected 64,000,000,000,128 for"),
        (stating((1, 10**6, 10**6)), "found the shape"),
        (stating((-1, 8, 8)), "found the shape"),
        (stating((2, 8, 8)) + bytes(127), "has 255 bytes, expected 256"),
        (stating((2, 8, 8)) + bytes(129), "has 257 bytes, expected 256"),
        (b"\x93NUMPY\2\0\xff\xff\xff\x7f", "header states 2,147,483,647 bytes"),
        (b"\x93NUMPY\1\0\x10\0" + b"(" * 16, "is not an NPY array"),
    ],
)
def test_damaged_or_hostile_header_is_refused_before_anything_is_allocated(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        npy.read_header(path)


def test_file_that_gets_shorter_while_it_is_read_is_an_error_and_no_crash(tmp_path: Path) -> None:
    header = npy.read_header(save(tmp_path / "x.npy", dots(100)))
    with header.path.open("rb") as file:
        os.truncate(header.path, 200)
        with pytest.raises(DataError, match="became shorter while it was read"):
            npy.read_images(header, file.fileno(), 50, 10)
