import io
import os
import pickle

import numpy as np
import pytest

from run_to_predict import dots
from sightline.errors import DataError
from sightline.prediction import npy


def header(shape):
    file = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(5, 8, 9), (5, 8, 9, 1), (5, 8, 9, 3)])
def test_blocks_hold_the_saved_images(tmp_path, shape):
    path = tmp_path / "x.npy"
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(path, images)
    found = npy.read_header(path)
    assert found.shape == (5, 8, 9, shape[3] if len(shape) > 3 else 1)
    blocks = list(npy.read_blocks(found, 3))
    assert [len(block) for block in blocks] == [3, 2]
    assert np.array_equal(np.concatenate(blocks), images.reshape(found.shape))
    os.truncate(path, 200)
    with pytest.raises(DataError, match="shorter"):
        list(npy.read_blocks(found, 3))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_that_come_first_are_put_last(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 9, channels), dtype=np.uint8)
    np.save(tmp_path / "x.npy", np.moveaxis(images, -1, 1).copy())
    found = npy.read_header(tmp_path / "x.npy")
    assert found.shape == images.shape
    assert np.array_equal(np.concatenate(list(npy.read_blocks(found, 3))), images)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (np.zeros((2, 8, 8), np.float32), "float32"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"\(2, 8, 8, 4\)"),
        (np.zeros((0, 8, 8), np.uint8), r"\(0, 8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), r"images\[None\]"),
        (np.asfortranarray(dots(4)[..., 0]), "ascontiguousarray"),
        (np.array([{}, None]), "object"),
        (b"", "empty"),
        (b"<!DOCTYPE html>", "HTML page"),
        (pickle.dumps([1]), "not an NPY array"),
        (header((10**12, 8, 8)), "64,000,000,000,128"),
        (header((2, 8, 8)) + bytes(127), "255 bytes, expected 256"),
        (header((2, 8, 8)) + bytes(129), "257 bytes, expected 256"),
    ],
)
def test_array_of_anything_but_images_is_refused_before_it_is_allocated(tmp_path, content, named):
    path = tmp_path / "x.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(DataError, match=rf"x\.npy.*{named}"):
        npy.read_header(path)
