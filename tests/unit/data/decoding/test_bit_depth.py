"""Images of 16 bits keep the gray levels that they use, with one scale for training and predict."""

import io
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bad_files import png_chunk
from reading import check_unreadable, ingest, read_all
from sightline.data.readers.base import Form
from sightline.data.split_arrays import open_images
from sightline.prediction import inputs, stream

WHITES = pytest.mark.parametrize("white", [255, 1023, 4095, 65535])
FILES = pytest.mark.parametrize("kind", ["PNG", "TIFF"])


def ramp(white):
    """Return 16x16 values from 0 to `white`."""
    return np.linspace(0, white, 256).round().astype(np.uint16).reshape(16, 16)


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def color_png(value):
    """A PNG of 16x16 pixels with three channels of 16 bits, which Pillow cannot write."""
    rows = (b"\0" + np.full(16 * 3, value, ">u2").tobytes()) * 16
    header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def write(folder, contents, as_table=False):
    """Write images, one class each, as a folder or a Parquet file."""
    if as_table:
        rows = {"image": contents, "label": [f"class {n}" for n in range(len(contents))]}
        pq.write_table(pa.table(rows), folder / "data.parquet")
        return folder / "data.parquet"
    for number, content in enumerate(contents):
        (folder / "data" / f"class {number}").mkdir(parents=True)
        (folder / "data" / f"class {number}" / "0").write_bytes(content)
    return folder / "data"


def expected(pixels, white):
    return np.rint(255.0 * np.minimum(pixels, white) / white)


@WHITES
@FILES
@pytest.mark.parametrize("as_table", [False, True])
def test_gray_levels_of_10_and_12_bits_are_kept_with_one_scale(tmp_path, white, kind, as_table):
    dark, bright = ramp(white) // 2, ramp(white)
    path = write(tmp_path, [encoded(dark, kind), encoded(bright, kind)], as_table)
    raw, images = read_all(path)
    assert raw.white == white
    assert any("2 of 2 images have 16 bits" in note and f"{white:,}" in note for note in raw.notes)
    for found, pixels in zip(images["unsplit"], (dark, bright), strict=True):
        np.testing.assert_array_equal(found[..., 0], expected(pixels, white))
    form = Form(raw.image_shape, "stretch", white=raw.white)
    block = next(stream.read([inputs.describe(str(path))], form, 9))
    np.testing.assert_array_equal(block.images, images["unsplit"])


def test_image_of_8_bits_among_them_is_read_as_it_is(tmp_path):
    plain = ramp(255).astype(np.uint8)
    path = write(tmp_path, [encoded(plain), encoded(ramp(1023))])
    found = read_all(path)[1]["unsplit"][..., 0]
    np.testing.assert_array_equal(found[0], plain)
    np.testing.assert_array_equal(found[1], expected(ramp(1023), 1023))


def test_white_can_be_set_and_larger_values_are_white(tmp_path):
    path = write(tmp_path, [encoded(ramp(4095)), encoded(ramp(4095) // 8)])
    raw, images = read_all(path, white=1023)
    assert raw.white == 1023
    np.testing.assert_array_equal(images["unsplit"][0, ..., 0], expected(ramp(4095), 1023))


@pytest.mark.parametrize("store", ["pixels", "encoded"])
def test_scale_is_recorded_with_the_stored_images(tmp_path, run, store):
    folder = tmp_path / "images"
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(5):
            pixels = ramp(4095) // (1 + number + 5 * (label == "b"))
            (folder / label / f"{number}.x").write_bytes(encoded(pixels))
    files = ingest(run, folder, store=store)
    assert files.white == 4095
    found = np.concatenate([open_images(run.workspace, one)[:] for one in files.images.values()])
    brightest = found[found.mean(axis=(1, 2, 3)).argmax(), ..., 0]
    np.testing.assert_array_equal(brightest, expected(ramp(4095), 4095))


def test_colors_of_16_bits_that_use_12_are_refused_with_the_file_and_the_remedy(tmp_path):
    path = write(tmp_path, [color_png(4095), color_png(100)])
    check_unreadable(path, "class 0/0", "data.white", "convert")
    bright = write(tmp_path / "bright", [color_png(65535), color_png(257 * 7)])
    found = read_all(bright)[1]["unsplit"]
    assert found[:, 0, 0].tolist() == [[255] * 3, [7] * 3]


@pytest.mark.parametrize("value", [-1, 65536])
def test_numbers_beyond_16_bits_are_refused(tmp_path, value):
    odd = np.full((16, 16), value, np.int32)
    path = write(tmp_path, [encoded(ramp(255)), encoded(odd, "TIFF")])
    check_unreadable(path, "class 1/0", "65,535", "convert")
