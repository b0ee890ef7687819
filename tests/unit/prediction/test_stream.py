import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from color_profiles import profile
from run_to_predict import SHAPE, dots, write_pictures
from sightline.data.decoding.conform import conform
from sightline.data.decoding.images import silence_bomb_warnings
from sightline.data.readers.base import Form
from sightline.errors import DataError
from sightline.prediction import inputs, stream


def read(*paths, resize="stretch"):
    return list(stream.read([inputs.describe(str(path)) for path in paths], Form(SHAPE, resize), 7))


def names_and_images(blocks):
    names = [name for block in blocks for name in block.names.to_pylist()]
    return names, np.concatenate([block.images for block in blocks])


def encoded(image):
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "PNG")
    return file.getvalue()


def write_parquet(path, values):
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    table = pa.table({"image": values})
    pq.write_table(table, path, row_group_size=3, write_page_checksum=True, **options)
    return path


def test_arrays_files_and_folders_are_read_in_blocks_in_the_given_order(tmp_path):
    np.save(tmp_path / "x.npy", dots(16))
    one = write_pictures(tmp_path / "one", dots(1, 1))
    two = write_pictures(tmp_path / "two", dots(9, 2))
    blocks = read(tmp_path / "x.npy", tmp_path / "two", one[0])
    assert [len(block.images) for block in blocks] == [7, 7, 2, 7, 3]
    names, images = names_and_images(blocks)
    rows = [f"{tmp_path}/x.npy#{row}" for row in range(16)]
    assert names == [*rows, *map(str, two), *map(str, one)]
    assert np.array_equal(images, np.concatenate([dots(16), dots(9, 2), dots(1, 1)]))


@pytest.mark.parametrize("as_struct", [True, False])
def test_table_of_encoded_images_is_read_in_either_layout(tmp_path, as_struct):
    content = [encoded(image) for image in dots(8)]
    values = [{"bytes": one, "path": None} for one in content] if as_struct else content
    names, images = names_and_images(read(write_parquet(tmp_path / "x.parquet", values)))
    assert np.array_equal(images, dots(8))
    assert names[-1] == f"{tmp_path}/x.parquet#7"


@pytest.mark.parametrize("resize", ["stretch", "crop", "letterbox"])
def test_images_are_converted_to_the_shape_of_the_model_as_in_ingest(tmp_path, resize):
    coloured = dots(3, shape=(20, 12, 3))
    np.save(tmp_path / "x.npy", coloured)
    write_pictures(tmp_path / "folder", coloured)
    expected = conform(coloured, SHAPE, resize)
    for path in (tmp_path / "x.npy", tmp_path / "folder"):
        (block,) = read(path, resize=resize)
        assert np.array_equal(block.images, expected)
        assert (block.resized, block.converted) == (3, 3)


def test_unreadable_image_is_black_and_has_a_reason(tmp_path):
    paths = write_pictures(tmp_path / "folder", dots(5))
    paths[2].write_bytes(b"\x89PNG\r\n\x1a\nno image")
    paths[3].write_bytes(b"<html>")
    (block,) = read(tmp_path / "folder")
    assert sorted(block.errors) == [2, 3]
    assert str(paths[2]) in block.errors[2]
    assert "HTML" in block.errors[3]
    assert not block.images[2:4].any()
    assert np.array_equal(block.images[[0, 1, 4]], dots(5)[[0, 1, 4]])


def test_missing_image_of_a_table_affects_its_row_and_a_damaged_page_ends_the_stream(tmp_path):
    good = encoded(dots(1)[0])
    values = [{"bytes": good}, None, {"bytes": None}, {"bytes": b""}, {"bytes": b"x"}]
    (block,) = read(write_parquet(tmp_path / "x.parquet", values))
    assert sorted(block.errors) == [1, 2, 3, 4]
    assert "row 1" in block.errors[1]
    path = write_parquet(tmp_path / "x.parquet", [encoded(image) for image in dots(30)])
    found = bytearray(path.read_bytes())
    found[found.index(encoded(dots(30)[20])) + 20] ^= 1
    path.write_bytes(found)
    with pytest.raises(DataError, match=r"x\.parquet"):
        read(path)


def test_image_with_too_many_pixels_affects_only_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    write_pictures(tmp_path, dots(2))
    write_pictures(tmp_path / "large", dots(1, shape=(20, 20, 1)))
    with silence_bomb_warnings():
        (block,) = read(tmp_path)
    assert list(block.errors) == [2]
    assert "100 pixels" in block.errors[2]


def test_name_that_is_not_utf_8_is_escaped(tmp_path):
    for name in ("\udcfe.png", "\udcff\x1b[2J.png"):
        (tmp_path / name).write_bytes(b"x")
    (block,) = read(tmp_path)
    expected = [f"{tmp_path}/\\udcfe.png", f"{tmp_path}/\\udcff\x1b[2J.png"]
    assert block.names.to_pylist() == expected
    assert "\\udcfe.png" in block.errors[0]


def test_only_a_few_blocks_are_read_ahead(tmp_path):
    paths = write_pictures(tmp_path, dots(200))
    blocks = stream.read([inputs.describe(str(tmp_path))], Form(SHAPE, "stretch"), 10)
    next(blocks)
    paths[-1].write_bytes(b"changed meanwhile")
    assert [len(block.errors) for block in blocks][-1] == 1


def test_images_brighter_than_white_and_of_other_color_profiles_are_counted(tmp_path):
    for name, level in (("dark", 1023), ("bright", 1024)):
        Image.fromarray(np.full(SHAPE[:2], level, np.uint16)).save(tmp_path / f"{name}.png")
    Image.new("RGB", SHAPE[:2]).save(tmp_path / "adobe.png", icc_profile=profile())
    form = Form(SHAPE, "stretch", white=1023)
    (block,) = stream.read([inputs.describe(str(tmp_path))], form, 7)
    assert (len(block.images), block.clipped, block.recolored) == (3, 1, 1)
