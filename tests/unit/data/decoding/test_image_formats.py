"""Every image format gives the right pixels, in training and in predictions alike."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from reading import check_unreadable, ingest, read_all
from sightline.data.decoding import image_kinds
from sightline.data.readers.base import Form
from sightline.errors import DataError
from sightline.prediction import inputs, stream

COLOR = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
GREY = COLOR[..., 0]
DEEP = GREY.astype(np.uint16) * 257
FEW = np.asarray(Image.fromarray(COLOR).quantize(16).convert("RGB"))


def encode(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def turned(kind, **options):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    return encode(np.ascontiguousarray(np.rot90(COLOR)), kind, exif=exif.tobytes(), **options)


def big_endian():
    raw = DEEP.astype(">u2").tobytes()
    file = io.BytesIO()
    Image.frombytes("I;16B", (10, 12), raw).save(file, "TIFF")
    return file.getvalue()


def palette_png():
    file = io.BytesIO()
    Image.fromarray(COLOR).quantize(16).save(file, "PNG")
    return file.getvalue()


def pages(kind, first, second, **options):
    others = [Image.fromarray(second)]
    return encode(first, kind, save_all=True, append_images=others, **options)


LOSSLESS = {
    "webp": (encode(COLOR, "WEBP", lossless=True), COLOR),
    "webp-animated": (pages("WEBP", COLOR, 255 - COLOR, lossless=True), COLOR),
    "webp-turned": (turned("WEBP", lossless=True), COLOR),
    "tiff": (encode(COLOR, "TIFF"), COLOR),
    "tiff-turned": (turned("TIFF"), COLOR),
    "tiff-lzw": (encode(COLOR, "TIFF", compression="tiff_lzw"), COLOR),
    "tiff-grey": (encode(GREY, "TIFF", compression="tiff_adobe_deflate"), GREY),
    "tiff-16-bit": (encode(DEEP, "TIFF"), GREY),
    "tiff-16-bit-big-endian": (big_endian(), GREY),
    "tiff-32-bit": (encode(DEEP.astype(np.int32), "TIFF"), GREY),
    "tiff-of-two-pages": (pages("TIFF", COLOR, 255 - COLOR), COLOR),
    "gif": (encode(FEW, "GIF"), FEW),
    "gif-grey": (encode(GREY, "GIF"), GREY),
    "gif-of-two-frames": (pages("GIF", GREY, 255 - GREY), GREY),
    "bmp": (encode(COLOR, "BMP"), COLOR),
    "png": (encode(COLOR, "PNG"), COLOR),
    "png-palette": (palette_png(), FEW),
}


def read_everywhere(folder, name, content):
    """Return the image as a folder, a Parquet file and a prediction give it."""
    folder.mkdir(exist_ok=True)
    table = folder / "data.parquet"
    pq.write_table(pa.table({"image": [content] * 2, "label": ["a", "b"]}), table)
    for label in ("a", "b"):
        (folder / "images" / label).mkdir(parents=True)
        (folder / "images" / label / name).write_bytes(content)
    found = [read_all(path)[1]["unsplit"][0] for path in (folder / "images", table)]
    described = inputs.describe(str(folder / "images"))
    assert (described.images, described.left_out) == (2, {})
    paths = (folder / "images" / "a" / name, folder / "images", table)
    form = Form(found[0].shape, "stretch")
    for path in map(str, paths):
        inputs.check(path)
        block = next(stream.read([inputs.describe(path)], form, 9))
        assert block.errors == {}
        found.append(block.images[0])
    return found


@pytest.mark.parametrize(("content", "expected"), LOSSLESS.values(), ids=LOSSLESS)
def test_file_without_ending_is_read_by_its_content_alike_everywhere(tmp_path, content, expected):
    expected = expected.reshape(12, 10, -1)
    for found in read_everywhere(tmp_path, "photo", content):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("x.jpg", "PNG"), ("x.PNG", "BMP"), ("x.nef", "PNG"), ("x.dat", "WEBP")),
        *(("x.webp", "TIFF"), ("x.tif", "PNG"), ("x.TIFF", "TIFF"), ("x.gif", "BMP")),
    ],
)
def test_misleading_ending_does_not_matter(tmp_path, name, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    for found in read_everywhere(tmp_path, name, encode(COLOR, kind, **options)):
        np.testing.assert_array_equal(found, COLOR)


@pytest.mark.parametrize("name", ["x.jfif", "x.jpe", "x.mpo", "x"])
def test_photograph_of_several_images_is_the_first_one_upright(tmp_path, name):
    smooth = np.linspace(0, 255, 12 * 10 * 3).reshape(12, 10, 3).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"quality": 100, "subsampling": 0, "exif": exif.tobytes()}
    content = pages("MPO", np.ascontiguousarray(np.rot90(smooth)), smooth * 0, **options)
    assert Image.open(io.BytesIO(content)).format == "MPO"
    for found in read_everywhere(tmp_path, name, content):
        assert np.abs(found.astype(int) - smooth).max() <= 3


def test_cmyk_photograph_has_its_colors(tmp_path):
    file = io.BytesIO()
    Image.new("CMYK", (10, 12), (0, 255, 255, 0)).save(file, "JPEG", quality=100)
    for found in read_everywhere(tmp_path, "x.jpg", file.getvalue()):
        assert np.abs(found.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.skipif(".avif" not in image_kinds.SUFFIXES, reason="this Pillow cannot read AVIF")
@pytest.mark.parametrize("name", ["x.avif", "x"])
def test_avif_is_read(tmp_path, name):
    for found in read_everywhere(tmp_path, name, turned("AVIF", quality=100, subsampling="4:4:4")):
        assert np.abs(found.astype(int) - COLOR).max() <= 6


def test_transparency_of_the_new_formats_is_over_white(tmp_path):
    for number, kind in enumerate(("WEBP", "TIFF", "GIF")):
        clear = encode(np.zeros((12, 10, 4), np.uint8), kind)
        for found in read_everywhere(tmp_path / str(number), "x", clear):
            assert found.min() == 255


def test_floating_point_pixels_are_refused_with_the_remedy(tmp_path):
    pixels = np.linspace(0, 1, 120, dtype=np.float32).reshape(12, 10)
    with pytest.raises(DataError, match=r"a/x\.tif.*floating-point.*convert"):
        read_everywhere(tmp_path, "x.tif", encode(pixels, "TIFF"))


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF", "AVIF"])
def test_truncated_image_is_refused_with_its_path(tmp_path, kind):
    content = encode(np.resize(COLOR, (120, 100, 3)), kind)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x").write_bytes(content if label == "a" else content[:-2000])
    check_unreadable(tmp_path, "b/x", "replace or remove")


def test_raw_photographs_are_left_out_and_counted_by_their_ending(tmp_path, run):
    others = {"0.nef": encode(GREY, "TIFF"), "1.DNG": encode(GREY, "TIFF")}
    write_classes(tmp_path / "images", others)
    note = next(note for note in ingest(run, tmp_path / "images").notes if "Left out" in note)
    assert "4 file(s): 2 .nef and 2 .dng." in note


@pytest.mark.parametrize("split", ["", "train/"])
def test_folder_that_holds_no_readable_file_is_refused_with_what_it_holds(tmp_path, split):
    for number in range(8):
        for label in ("a", "b"):
            path = tmp_path / f"{split}{label}" / f"{number}.SVG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<svg/>")
    check_unreadable(tmp_path, "16 .svg", "PNG")
    with pytest.raises(DataError, match=r"16 \.svg"):
        inputs.describe(str(tmp_path))


def test_class_folder_without_a_readable_file_is_refused_with_what_it_holds(tmp_path):
    write_classes(tmp_path, {})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x.svg").write_text("<svg/>")
    check_unreadable(tmp_path, f"{tmp_path}/c", "1 .svg")


def write_classes(folder, others):
    """Write two classes of five images each, and other files in each."""
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(5):
            (folder / label / f"{number}.png").write_bytes(encode(GREY, "PNG"))
        for name, content in others.items():
            (folder / label / name).write_bytes(content)
