import io
import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import bounds
from sightline.data.decoding import jpeg
from sightline.data.decoding.images import EncodedImage, decode_one, read_header
from sightline.data.readers.base import Form
from sightline.errors import DataError


def encode(mode: str, size: tuple[int, int], **options: object) -> bytes:
    """Encode waves of every color channel."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    channels = [127 + 60 * (np.sin(rows / (7 + n)) + np.cos(columns / 11)) for n in range(3)]
    file = io.BytesIO()
    image = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8)).convert(mode)
    image.save(file, "JPEG", **options)
    return file.getvalue()


def rotated() -> dict[str, object]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"exif": exif}


@pytest.mark.parametrize("resize", ["crop", "stretch", "letterbox"])
@pytest.mark.parametrize(
    ("mode", "options", "quick"),
    [
        ("RGB", {}, True),
        ("RGB", {"subsampling": 0, "progressive": True}, True),
        ("RGB", {"keep_rgb": True}, True),
        ("RGB", rotated(), True),
        ("L", {}, True),
        ("CMYK", {}, False),
    ],
)
def test_jpeg_has_the_pixels_that_pillow_decodes(resize, mode, options, quick, monkeypatch):
    contents = [
        encode(mode, size, **options) for size in ((67, 41), (40, 53), (40, 40), (517, 403))
    ]

    def decoded() -> list[np.ndarray]:
        return [decode_one(EncodedImage("", one), Form((40, 40, 3), resize))[1] for one in contents]

    calls = []
    fast = jpeg.decode_jpeg
    monkeypatch.setattr(
        jpeg, "decode_jpeg", lambda *given, **named: calls.append(given) or fast(*given, **named)
    )
    found = decoded()
    monkeypatch.setattr(jpeg, "decode", lambda image, content: None)
    np.testing.assert_array_equal(found, decoded())
    assert bool(calls) == quick


def test_jpeg_with_bytes_that_only_pillow_accepts_is_read():
    content = encode("RGB", (60, 60))
    start = content.index(b"\xff\xdb")
    damaged = content[:start] + b"\x00\x00" + content[start:]
    with pytest.raises(ValueError, match="extraneous"):
        jpeg.decode_jpeg(damaged, "RGB")
    expected = decode_one(EncodedImage("", content), Form((60, 60, 3), "crop"))[1]
    found = decode_one(EncodedImage("", damaged), Form((60, 60, 3), "crop"))[1]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_without_its_end_mark_is_complete_but_with_fewer_bytes_truncated(mode):
    content = encode(mode, (60, 60))
    form = Form((60, 60, 3), "crop")
    expected = decode_one(EncodedImage("", content), form)[1]
    for missing in (1, 2):
        found = decode_one(EncodedImage("", content[:-missing]), form)[1]
        np.testing.assert_array_equal(found, expected)
    for missing in (3, 20):
        with pytest.raises(DataError, match=r"x\.jpg .*truncated"):
            decode_one(EncodedImage("x.jpg", content[:-missing]), form)


@pytest.mark.parametrize("exif", [b"garbage", b"II*\0\xff\xff\xff\x7f", b"Exif\0\0MM\0*"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_photograph_with_damaged_exif_data_is_read_as_it_is_stored(exif):
    photo = EncodedImage("", encode("RGB", (60, 40), exif=b"Exif\0\0" + exif))
    header, pixels = decode_one(photo, Form((40, 60, 3), "crop"))
    assert header.size == (40, 60)
    plain = EncodedImage("", encode("RGB", (60, 40)))
    np.testing.assert_array_equal(pixels, decode_one(plain, Form((40, 60, 3), "crop"))[1])


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "RGB", "CMYK"])
def test_uncompressed_tiff_on_its_side_is_upright_from_a_file_as_from_bytes(mode, tmp_path):
    left = Image.new("L", (16, 8))
    left.paste(255, (0, 0, 8, 8))
    wide = np.asarray(left).astype(np.uint16) * 257
    image = Image.fromarray(wide) if mode == "I;16" else left.convert(mode)
    image.save(tmp_path / "x.tif", tiffinfo={274: 6})
    for data in (tmp_path / "x.tif", (tmp_path / "x.tif").read_bytes()):
        header, pixels = decode_one(EncodedImage("", data), Form((16, 8, 1), "stretch"))
        assert header.size == (16, 8)
        assert pixels[:8].min() == 255
        assert pixels[8:].max() == 0


def bitmap(*alphas: int) -> bytes:
    """Encode a BMP of 32 bits with a field for alpha, one pixel per given value."""
    pixels = b"".join(bytes([3, 2, 1, alpha]) for alpha in alphas)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, len(alphas), 1, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    header = (info + masks).ljust(108, b"\0")
    start = struct.pack("<2sIHHI", b"BM", 14 + 108 + len(pixels), 0, 0, 14 + 108)
    return start + header + pixels


@pytest.mark.parametrize(
    ("alphas", "expected"),
    [((0, 0), [[1, 2, 3]] * 2), ((255, 0), [[1, 2, 3], [255, 255, 255]])],
)
def test_bitmap_whose_alpha_was_never_set_is_opaque(alphas, expected):
    pixels = decode_one(EncodedImage("", bitmap(*alphas)), Form((1, 2, 3), "stretch"))[1]
    assert pixels[0].tolist() == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"P6 2 1 255 " + bytes([1, 2, 3, 4, 5, 6]), [[1, 2, 3], [4, 5, 6]]),
        (b"P3\n# by hand\n2 1\n255\n1 2 3 4 5 6\n", [[1, 2, 3], [4, 5, 6]]),
        (b"P5 2 1 255 " + bytes([7, 9]), [[7] * 3, [9] * 3]),
        (b"P5 2 1 65535 " + bytes([7, 7, 9, 9]), [[7] * 3, [9] * 3]),
        (b"P1 2 1\n1 0\n", [[0] * 3, [255] * 3]),
    ],
)
def test_portable_pixmaps_as_in_traffic_signs_and_faces_are_read(content, expected):
    pixels = decode_one(EncodedImage("", content), Form((1, 2, 3), "stretch"))[1]
    assert pixels[0].tolist() == expected


def test_photograph_of_180_megapixels_is_read_with_little_memory(monkeypatch):
    file = io.BytesIO()
    large = Image.new("L", (13_500, 13_500), 80)
    large.paste(200, (0, 0, 13_500, 6_750))
    large.save(file, "JPEG")
    content = EncodedImage("large.jpg", file.getvalue())
    del large
    monkeypatch.setattr(bounds, "_BYTES", 128 << 20)  # all pixels would take 174 MiB
    with bounds.bounded():
        header, pixels = decode_one(content, Form((40, 40, 1), "crop"))
    assert header.size == (13_500, 13_500)
    np.testing.assert_allclose(pixels[:18].astype(int), 200, atol=2)
    np.testing.assert_allclose(pixels[22:].astype(int), 80, atol=2)


def test_jpeg_of_more_than_268_megapixels_is_refused_with_its_name():
    content = encode("RGB", (40, 40))
    frame = content.index(b"\xff\xc0") + 5
    bomb = content[:frame] + (b"\xff\xdc" * 2) + content[frame + 4 :]
    with pytest.raises(DataError, match=r"bomb\.jpg.*268,435,456 pixels"):
        read_header(EncodedImage("bomb.jpg", bomb))


@pytest.mark.parametrize("options", ["text", "profile"])
def test_png_with_a_text_or_profile_of_more_than_a_megabyte_is_read(options):
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "x" * (2 << 20), zip=True)
    given = {"pnginfo": text} if options == "text" else {"icc_profile": bytes(2 << 20)}
    file = io.BytesIO()
    Image.new("L", (8, 8), 7).save(file, "PNG", **given)
    assert decode_one(EncodedImage("", file.getvalue()), Form((8, 8, 1), "crop"))[1].max() == 7
